import pytest

from tests.agents.models.reading import ask, read
from trunkline.agents.models.base import ChatMessage, ModelOptions
from trunkline.agents.models.echo import INTRODUCTION, EchoModel


async def test_it_says_what_it_is_and_repeats_word_by_word() -> None:
    answer = await ask(EchoModel(delay=0), "one  two\nthree ")
    assert answer.text == INTRODUCTION + "one  two\nthree "
    assert answer.tokens[-4:] == [" one", "  two", "\nthree", " "]
    assert answer.finish == "stop"
    assert "trunkline model install" in answer.text


async def test_it_repeats_the_last_thing_the_user_said() -> None:
    messages = [ChatMessage("user", "first"), ChatMessage("user", "second"), ChatMessage("assistant", "third")]
    answer = await read(EchoModel(delay=0).stream(messages, ModelOptions()))
    assert answer.text == INTRODUCTION + "second"


@pytest.mark.parametrize("said", ["", "   "])
async def test_an_empty_question_is_answered_all_the_same(said: str) -> None:
    assert (await ask(EchoModel(delay=0), said)).text.rstrip() == INTRODUCTION.rstrip()


async def test_max_tokens_cuts_it_short() -> None:
    answer = await ask(EchoModel(delay=0), "hello", ModelOptions(max_tokens=3))
    assert (answer.text, answer.finish) == ("I am echo,", "length")


async def test_it_waits_before_each_word_by_the_clock_it_was_given() -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    answer = await ask(EchoModel(delay=0.5, sleep=note), "hello")
    assert waits == [0.5] * len(answer.tokens)


async def test_without_a_user_message_it_says_so() -> None:
    model = EchoModel(delay=0)
    answer = await read(model.stream([], ModelOptions()))
    assert answer.text.endswith("You wrote: nothing yet.")
    await model.aclose()
    assert model.name == "echo"
