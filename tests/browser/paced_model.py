"""An OpenAI-compatible server whose answers come word by word, when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.agents.models.fake_openai import FakeOpenAI, Reply, Step

MODEL = "fake-model"
WORDS = tuple(f"word{number:03}" for number in range(120))


class PacedAnswer:
    """One answer, of words that are held back.

    Attributes:
        words: all of them.
        text: the whole answer.
    """

    def __init__(self, words: Sequence[str] = WORDS) -> None:
        self.words = words
        self.text = " ".join(words)
        self._gates = [asyncio.Event() for _ in words]
        self._said = 0

    @property
    def reply(self) -> Reply:
        """The script of the model server."""
        steps: list[str | asyncio.Event | Step] = []
        for gate, word in zip(self._gates, self.words, strict=True):
            steps += [gate, f" {word}" if steps else word]
        return Reply(*steps)

    @property
    def said(self) -> str:
        """What was let go so far."""
        return " ".join(self.words[: self._said])

    def say(self, count: int = 1) -> None:
        """Let the next words go."""
        for gate in self._gates[self._said : self._said + count]:
            gate.set()
        self._said = min(len(self.words), self._said + count)

    def finish(self) -> None:
        """Let all the rest go."""
        self.say(len(self.words))

    async def speak(self, seconds: float, pause: float = 0.1) -> None:
        """Say a word each `pause` for as many seconds, as a model does whether anybody listens or not."""
        for _ in range(round(seconds / pause)):
            self.say()
            await asyncio.sleep(pause)


@asynccontextmanager
async def answering(answers: Sequence[PacedAnswer]) -> AsyncIterator[dict[str, str]]:
    """Serve these answers, one after the other; gives the options of the `deployed` that asks for them."""
    async with FakeOpenAI([answer.reply for answer in answers], models=[MODEL]) as server:
        yield {"model": MODEL, "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": server.base_url}
