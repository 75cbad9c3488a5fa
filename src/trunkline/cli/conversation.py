"""What a chat knows of its thread: which answer is being written, what was shown, what is to be shown next.

Pure: events, snapshots and the state of a run go in, things to show and to ask come out, in order.
"""

from dataclasses import dataclass
from typing import Any

from trunkline.cli.answer_text import AnswerText


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was not streamed here: of the history, or of someone else."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerBegins:
    """A run has begun."""

    run_id: int


@dataclass(frozen=True, slots=True)
class AnswerGoesOn:
    """The next characters of the answer, to be shown right after those before."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerEnds:
    """A run has ended.

    Attributes:
        status: done, failed or cancelled.
        error: a sentence, if it failed.
        unsaved: characters at the end of what was shown that the server did not keep.
    """

    run_id: int
    status: str
    error: str | None = None
    unsaved: int = 0


@dataclass(frozen=True, slots=True)
class AskForRun:
    """Ask the server how this run is, and give the answer to `run_state`: nothing else will tell its end."""

    run_id: int


@dataclass(frozen=True, slots=True)
class AskForSnapshot:
    """Ask for a fresh snapshot: a piece of the answer is missing."""


@dataclass(frozen=True, slots=True)
class ThreadGone:
    """The thread was deleted."""


ToDo = Said | AnswerBegins | AnswerGoesOn | AnswerEnds | AskForRun | AskForSnapshot | ThreadGone


class Conversation:
    """One thread, as one person follows it.

    Attributes:
        run_id: the run whose end is awaited, or None.
    """

    def __init__(self) -> None:
        self.run_id: int | None = None
        self._answer: AnswerText | None = None
        self._unsaved = 0
        self._shown: set[int] = set()
        self._mine: set[str] = set()
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    def sending(self, client_id: str) -> None:
        """Note that a message of this name is the person's own, and on the screen already."""
        self._mine.add(client_id)

    def sent(self, run_id: int, *, again: bool = False) -> list[ToDo]:
        """Take the run that will answer; if the message was sent `again`, the run may have ended unheard."""
        if run_id in self._ended:
            return []
        self.run_id = run_id
        return [AskForRun(run_id)] if again else []

    def event(self, kind: str, data: Any) -> list[ToDo]:  # noqa: PLR0911 - one arm an event type
        """Take an event of the thread."""
        match kind:
            case "thread_message_created" | "thread_message_updated":
                if _is_asked_anew(kind, data):
                    self._shown.discard(data["id"])
                return self._message(data)
            case "run_started":
                return self._begin(data["run_id"])
            case "stream_start":
                return self._begin(data["run_id"], data["message_id"])
            case "stream_chunk":
                return self._chunk(data)
            case "run_finished":
                return self._end(data["run_id"], data["status"], data.get("error"))
            case "thread_deleted":
                return [ThreadGone()]
            case _:
                return []

    def snapshot(self, data: Any) -> list[ToDo]:
        """Take the thread's state. What was shown of it is not shown again."""
        todo = [step for message in data["messages"] for step in self._message(message)]
        streaming = data.get("streaming")
        if streaming is None:
            return [*todo, *self._after_absence(data.get("last_run"))]
        run_id, message_id = streaming["run_id"], streaming["message_id"]
        if self.run_id not in (None, run_id):
            todo += self._end(self.run_id, "done", None)
        todo += self._begin(run_id, message_id)
        return todo + self._show(self._current(message_id).so_far(streaming["text"]))

    def _after_absence(self, last_run: Any) -> list[ToDo]:
        """Learn from the thread how the run ended that was awaited; the server is asked if another run followed it."""
        if self.run_id is None:
            return []
        if last_run is not None and last_run["id"] == self.run_id:
            return self.run_state(last_run)
        return [AskForRun(self.run_id)]

    def run_state(self, run: Any) -> list[ToDo]:
        """Take what the server says of a run that was asked for.

        One that has ended is over once its message is here, which the line may still be bringing.
        """
        if run["status"] in ("queued", "running"):
            return []
        if run["message_id"] is not None and run["message_id"] not in self._shown:
            return []
        return self._end(run["id"], run["status"], run["error"])

    def _begin(self, run_id: int, message_id: int | None = None) -> list[ToDo]:
        if run_id in self._ended:
            return []
        self.run_id = run_id
        if message_id is not None:
            self._current(message_id)
        if run_id in self._begun:
            return []
        self._begun.add(run_id)
        return [AnswerBegins(run_id)]

    def _current(self, message_id: int) -> AnswerText:
        if self._answer is None or self._answer.message_id != message_id:
            self._answer = AnswerText(message_id)
        return self._answer

    def _chunk(self, data: Any) -> list[ToDo]:
        if data["message_id"] in self._shown:
            return []
        todo = self._begin(data["run_id"], data["message_id"])
        answer = self._current(data["message_id"])
        had_hole = answer.has_hole
        todo += self._show(answer.chunk(data["at"], data["text"]))
        return [*todo, AskForSnapshot()] if answer.has_hole and not had_hole else todo

    def _message(self, message: Any) -> list[ToDo]:
        """Show a message once; the stored form of an answer only completes what was streamed of it."""
        message_id, content = message["id"], message["content"]
        if message_id in self._shown:
            return []
        self._shown.add(message_id)
        streamed = self._answer is not None and self._answer.message_id == message_id
        unheard = self._answer is None and self.run_id is not None and message["role"] == "assistant"
        if streamed or unheard:
            begun = self._begin(self.run_id, message_id) if self.run_id is not None else []
            answer = self._current(message_id)
            self._unsaved = answer.unsaved(content)
            return begun + self._show(answer.so_far(content))
        return [] if message.get("client_id") in self._mine else [Said(message["role"], content)]

    def _show(self, text: str) -> list[ToDo]:
        return [AnswerGoesOn(text)] if text else []

    def _end(self, run_id: int | None, status: str, error: str | None) -> list[ToDo]:
        if run_id is None or run_id in self._ended:
            return []
        self._ended.add(run_id)
        if self.run_id not in (None, run_id):
            return []
        unsaved, self._unsaved = self._unsaved, 0
        self.run_id, self._answer = None, None
        return [AnswerEnds(run_id, status, error, unsaved)]


def _is_asked_anew(kind: str, message: Any) -> bool:
    """Whether this tells of a message that someone has sent again; an answer would have made it a processed one."""
    return kind == "thread_message_updated" and message["role"] == "user" and not message.get("processed", True)
