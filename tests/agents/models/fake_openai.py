"""An OpenAI-compatible server that follows a script: tokens, refusals, stalls and cuts, on a real socket.

async with FakeOpenAI([Reply("Hel", "lo"), Failure(429, headers={"Retry-After": "7"})]) as server:
    ...  # OPENAI_BASE_URL=server.base_url
    call = await server.call(0)
    await call.closed_by_client.wait()
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Self, TypeAlias


class Step(Enum):
    """What a reply does beside sending tokens. All but STALL end it."""

    STALL = auto()
    """Send nothing more, and keep the connection open."""
    CUT = auto()
    """Break the connection off."""
    END = auto()
    """End the stream in order, but without a finish reason."""
    GARBAGE = auto()
    """Send an event that is no JSON."""
    ERROR = auto()
    """Send an error as an event."""


class Reply:
    """A streamed answer: each string is a token, an `asyncio.Event` is waited for, a `Step` is taken.

    After the last step the stream is finished with the reason `finish`.
    """

    def __init__(self, *steps: str | asyncio.Event | Step, finish: str = "stop") -> None:
        self.steps = steps
        self.finish = finish


@dataclass(frozen=True)
class Failure:
    """An answer with an error status; with `body` that text is sent instead of an OpenAI error object."""

    status: int
    message: str = "scripted failure"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


Script: TypeAlias = Sequence[Reply | Failure]


@dataclass
class Call:
    """One chat request as it came in, and how it ended: exactly one of the two events is set."""

    headers: Mapping[str, str]
    body: dict[str, Any]
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    closed_by_client: asyncio.Event = field(default_factory=asyncio.Event)


class FakeOpenAI:
    """Serves `script`, one entry a chat request, the last one for all further ones; without one, "Hello world".

    It lists `models`, or refuses to.
    """

    def __init__(self, script: Script = (), *, models: Sequence[str] | Failure = ("fake-model",)) -> None:
        self.script = list(script) or [Reply("Hello", " world")]
        self.models = models
        self.calls: list[Call] = []
        self.connections = 0
        self.base_url = ""
        self._arrival = asyncio.Condition()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def call(self, index: int) -> Call:
        """The chat request of that number, from 0; waits until it came."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.calls) > index)
        return self.calls[index]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client left, or the test is over; asyncio would log a cancelled handler as a failure.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path, headers = _read_head(await reader.readuntil(b"\r\n\r\n"))
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if path.endswith("/models"):
            _list(writer, self.models)
        elif path.endswith("/chat/completions"):
            await self._chat(Call(headers, json.loads(body)), reader, writer)
        else:
            _write(writer, 404, "<h1>Not here</h1>", {"Content-Type": "text/html"})

    async def _chat(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = self.script[min(len(self.calls), len(self.script) - 1)]
        async with self._arrival:
            self.calls.append(call)
            self._arrival.notify_all()
        if isinstance(reply, Failure):
            _write(writer, reply.status, _error_body(reply), reply.headers)
            call.finished.set()
        elif await _finishes_first(_send(reply, writer), reader):
            call.finished.set()
        else:
            call.closed_by_client.set()


async def _finishes_first(sending: AsyncIterator[None], reader: asyncio.StreamReader) -> bool:
    """Send until done or until the client hangs up; whether it was the sending that ended first."""

    async def send() -> None:
        async for _ in sending:
            pass

    sender = asyncio.create_task(send())
    hang_up = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait({sender, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        return sender.done() and sender.exception() is None
    finally:
        sender.cancel()
        hang_up.cancel()
        await asyncio.gather(sender, hang_up, return_exceptions=True)


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Write the reply step by step, yielding after each."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n")
    writer.write(b"Connection: close\r\n\r\n")
    _write_event(writer, _chunk({"role": "assistant", "content": None}))
    for step in reply.steps:
        match step:
            case str():
                _write_event(writer, _chunk({"content": step}))
            case asyncio.Event():
                await step.wait()
            case Step.STALL:
                await asyncio.Event().wait()
            case Step.CUT:
                writer.transport.abort()
                return
            case Step.END:
                writer.write(b"0\r\n\r\n")
                return
            case Step.GARBAGE:
                _write_event(writer, "{this is no JSON")
            case Step.ERROR:
                _write_event(writer, json.dumps({"error": {"message": "out of memory", "code": 500}}))
        await writer.drain()
        yield
    _write_event(writer, _chunk({}, reply.finish))
    _write_event(writer, "[DONE]")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first.split(" ")[1].partition("?")[0], {name.lower(): value.strip() for name, _, value in pairs}


def _write(writer: asyncio.StreamWriter, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
    data = body.encode()
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        "Connection": "close",
        **(headers or {}),
    }
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


def _list(writer: asyncio.StreamWriter, models: Sequence[str] | Failure) -> None:
    if isinstance(models, Failure):
        _write(writer, models.status, _error_body(models), models.headers)
    else:
        _write(writer, 200, json.dumps({"object": "list", "data": [{"id": name} for name in models]}))


def _write_event(writer: asyncio.StreamWriter, data: str) -> None:
    event = f"data: {data}\n\n".encode()
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))


def _chunk(delta: Mapping[str, object], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps(
        {"id": "c1", "object": "chat.completion.chunk", "created": 0, "model": "fake-model", "choices": [choice]}
    )


def _error_body(failure: Failure) -> str:
    if failure.body is not None:
        return failure.body
    return json.dumps({"error": {"message": failure.message, "code": failure.code, "type": "scripted"}})
