"""A notebook that all tabs of a browser show over one line, and that takes notes without one.

uvicorn --app-dir . web.client.examples.tabs.app:app
"""

from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles
from msgspec import Struct

from trunkline import CallContext, EventType, Principal, Trunkline, allow_all, anonymous
from trunkline.metrics import render_metrics

FOLDER = Path(__file__).parent


class Note(Struct, frozen=True):
    book: str
    number: int
    text: str


class NewNote(Struct, frozen=True):
    book: str
    text: str


NOTE_ADDED = EventType("note_added", Note, topic="book:{book}")
books: dict[str, list[Note]] = {}
taken: dict[str, Note] = {}

line = Trunkline(authenticate=anonymous, authorize=allow_all)
app = FastAPI(lifespan=line.lifespan)
line.mount(app)


@line.snapshot("book:{book}")
def read_book(_principal: Principal, book: str) -> list[Note]:
    return books.get(book, [])


@line.call("note.add")
async def add_note(context: CallContext, new: NewNote) -> Note:
    if context.key in taken:
        return taken[context.key]
    note = taken[context.key or ""] = await write(new.book, new.text)
    return note


async def write(book: str, text: str) -> Note:
    notes = books.setdefault(book, [])
    note = Note(book, len(notes) + 1, text)
    notes.append(note)
    await line.publish(NOTE_ADDED, note)
    return note


@app.put("/books/{book}")
async def put_note(book: str, text: str) -> None:
    await write(book, text)


@app.get("/metrics")
def metrics() -> Response:
    body, content_type = render_metrics(line)
    return Response(body, media_type=content_type)


app.mount("/client", StaticFiles(directory=FOLDER.parent.parent / "dist"))
app.mount("/", StaticFiles(directory=FOLDER, html=True))
