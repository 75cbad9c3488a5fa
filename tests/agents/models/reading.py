"""Reading a model's stream in tests."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from trunkline.agents.models.base import ChatMessage, ChatModel, Done, ModelOptions, Token


@dataclass
class Answer:
    """What came: the texts of the tokens in order, and the finish reason, once there is one."""

    tokens: list[str] = field(default_factory=list)
    finish: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.tokens)


async def read(pieces: AsyncGenerator[Token | Done, None]) -> Answer:
    """Read a stream to its end."""
    answer = Answer()
    async with aclosing(pieces):
        async for piece in pieces:
            assert answer.finish is None, "something came after Done"
            match piece:
                case Token(text):
                    answer.tokens.append(text)
                case Done(reason):
                    answer.finish = reason
    return answer


async def ask(model: ChatModel, question: str, options: ModelOptions | None = None) -> Answer:
    """Ask one question and read the whole answer."""
    return await read(model.stream([ChatMessage("user", question)], options or ModelOptions()))
