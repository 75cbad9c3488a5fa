from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from trunkline.agents.models.base import ChatMessage, Role
from trunkline.agents.models.context_window import fit_messages

OVERHEAD = 2


async def count(messages: Sequence[ChatMessage]) -> int:
    """A tokenizer of one token a character, and two a message."""
    return sum(len(message.content) + OVERHEAD for message in messages)


def talk(*contents: str) -> list[ChatMessage]:
    roles: list[Role] = ["user", "assistant"]
    return [ChatMessage(roles[index % 2], content) for index, content in enumerate(contents)]


async def test_what_fits_is_left_as_it_is() -> None:
    messages = [*talk("a", "b"), ChatMessage("system", "s"), *talk("c")]
    assert await fit_messages(messages, 12, count) == messages


async def test_the_oldest_goes_first_and_the_system_message_stays() -> None:
    messages = [ChatMessage("system", "rules"), *talk("1" * 8, "2" * 8, "3" * 8)]
    assert await fit_messages(messages, 27, count) == [messages[0], *messages[2:]]
    assert await fit_messages(messages, 26, count) == [messages[0], messages[3]]


async def test_a_single_message_that_is_too_long_keeps_its_end() -> None:
    assert await fit_messages(talk("0123456789"), 6, count) == talk("6789")


async def test_a_system_message_that_is_too_long_keeps_its_start() -> None:
    fitted = await fit_messages([ChatMessage("system", "0123456789"), *talk("why")], 10, count)
    assert fitted == [ChatMessage("system", "012"), *talk("why")]


async def test_a_limit_that_nothing_fits_ends_with_empty_messages() -> None:
    assert await fit_messages(talk("hello"), 1, count) == talk("")
    assert await fit_messages([], -1, count) == []


@given(
    st.lists(
        st.builds(ChatMessage, st.sampled_from(["system", "user", "assistant"]), st.text(max_size=60)), max_size=30
    ),
    st.integers(0, 400),
)
async def test_the_result_fits_and_is_the_longest_end_that_does(messages: list[ChatMessage], limit: int) -> None:
    fitted = await fit_messages(messages, limit, count)
    system = [message for message in messages if message.role == "system"]
    rest = [message for message in messages if message.role != "system"]
    if await count(messages) <= limit:
        assert fitted == messages
    elif rest and await count([*system, rest[-1]]) <= limit:
        kept = fitted[len(system) :]
        assert fitted == [*system, *rest[-len(kept) :]]
        assert await count(fitted) <= limit < await count([*system, *rest[-len(kept) - 1 :]])
    else:
        assert await count(fitted) <= limit or not any(message.content for message in fitted)
