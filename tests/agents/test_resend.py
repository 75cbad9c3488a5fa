"""Asking a message anew: what goes, what is told, what is refused, and that it is all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.rig import ANA, BEN, Heart
from tests.agents.serving import Application, application
from tests.agents.test_calls import Caller
from trunkline import Conflict, NotFound, RequestError
from trunkline.agents.events import Message, MessageDeleted, Thread
from trunkline.agents.services import MessageDraft, Resend

EDIT = Resend(content="Other words")
AGAIN = Resend()


async def answered(heart: Heart, thread: Thread, question: str, answer: str) -> Message:
    """Ask, have it answered, and return the question."""
    run = await heart.ask(thread, question)
    heart.model.say(answer)
    heart.model.finish()
    await heart.ended(run)
    return next(each for each in reversed(await messages(heart, thread)) if each.role == "user")


async def messages(heart: Heart, thread: Thread) -> list[Message]:
    return (await heart.threads.messages(ANA, thread.id)).items


async def texts(heart: Heart, thread: Thread) -> list[str]:
    return [message.content for message in await messages(heart, thread)]


async def test_an_edited_message_is_answered_and_what_followed_it_is_gone(heart: Heart) -> None:
    thread = await heart.thread()
    first = await answered(heart, thread, "One", "First answer")
    await answered(heart, thread, "Two", "Second answer")
    resent = await heart.chat.resend(ANA, thread.id, first.id, EDIT)
    heart.model.say("Third answer")
    heart.model.finish()
    run = await heart.ended(await heart.runs.get(ANA, resent.run_id))
    assert await texts(heart, thread) == ["Other words", "Third answer"]
    assert [message.content for message in heart.model.asked[-1]] == ["Other words"]
    assert (resent.message.id, resent.message.version, resent.message.processed) == (first.id, first.version + 1, False)
    assert run.status == "done"
    assert (await messages(heart, thread))[0].processed


async def test_each_message_that_goes_is_told_then_the_one_that_is_asked(heart: Heart) -> None:
    thread = await heart.thread()
    first = await answered(heart, thread, "One", "First answer")
    second = await answered(heart, thread, "Two", "Second answer")
    gone = (await messages(heart, thread))[1:]
    await heart.published()
    heart.heard.clear()
    resent = await heart.chat.resend(ANA, thread.id, first.id, EDIT)
    await heart.heard.until("run_started")
    events = heart.heard.of("thread_message_deleted", "thread_message_updated", "run_started")
    assert [event.data for event in events[:-1]] == [
        *(MessageDeleted(id=each.id, thread_id=thread.id, version=each.version + 1) for each in reversed(gone)),
        resent.message,
    ]
    assert second.id in {each.id for each in gone}
    assert events[-1].type.name == "run_started"
    assert {(event.topic, event.feed) for event in events} == {(f"thread:{thread.id}", "thread:*@ana")}


async def test_an_answer_is_made_again_from_the_same_words(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    resent = await heart.chat.resend(ANA, thread.id, question.id, AGAIN)
    heart.model.say("Therefore.")
    heart.model.finish()
    await heart.ended(await heart.runs.get(ANA, resent.run_id))
    assert await texts(heart, thread) == ["Why?", "Therefore."]
    assert (resent.message.content, resent.message.version) == ("Why?", question.version + 1)


async def test_what_comes_before_the_message_stays_and_is_part_of_the_question(heart: Heart) -> None:
    thread = await heart.thread()
    await answered(heart, thread, "One", "First answer")
    second = await answered(heart, thread, "Two", "Second answer")
    await heart.chat.resend(ANA, thread.id, second.id, EDIT)
    await heart.heard.until("run_started", 3)
    assert await texts(heart, thread) == ["One", "First answer", "Other words"]
    assert [message.content for message in heart.model.asked[-1]] == ["One", "First answer", "Other words"]


async def test_a_run_whose_answer_is_gone_names_no_message(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    first = await heart.runs.get(ANA, (await heart.heard.until("run_started")).data.run_id)
    await heart.chat.resend(ANA, thread.id, question.id, AGAIN)
    assert first.message_id is not None
    assert (await heart.runs.get(ANA, first.id)).message_id is None


async def test_a_message_gets_a_new_name_or_keeps_its_own(heart: Heart) -> None:
    thread = await heart.thread()
    draft = MessageDraft(content="Why?", client_id="first")
    message = await heart.threads.add_message(ANA, thread.id, draft)
    kept = await heart.threads.ask_anew(ANA, thread.id, message.id, EDIT)
    named = await heart.threads.ask_anew(ANA, thread.id, message.id, Resend(client_id="second"))
    assert (kept.client_id, named.client_id) == ("first", "second")


async def test_a_name_that_went_with_its_message_is_free_and_another_s_is_not(heart: Heart) -> None:
    thread = await heart.thread()
    first, second, _ = [
        await heart.threads.add_message(ANA, thread.id, MessageDraft(content=name, client_id=name)) for name in "abc"
    ]
    with pytest.raises(Conflict, match=f"^The client_id a is that of message {first.id}; give another$"):
        await heart.threads.ask_anew(ANA, thread.id, second.id, Resend(client_id="a"))
    assert await texts(heart, thread) == ["a", "b", "c"]
    assert (await heart.threads.ask_anew(ANA, thread.id, second.id, Resend(client_id="c"))).client_id == "c"


async def test_a_thread_that_is_being_answered_is_left_alone(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "One", "First answer")
    run = await heart.ask(thread, "Two")
    with pytest.raises(Conflict, match=f"^Thread {thread.id} already has run {run.id} in progress$"):
        await heart.chat.resend(ANA, thread.id, question.id, EDIT)
    assert await texts(heart, thread) == ["One", "First answer", "Two"]


async def test_only_a_user_s_message_of_this_thread_can_be_sent_again(heart: Heart) -> None:
    thread, other = await heart.thread(), await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    answer = (await messages(heart, thread))[-1]
    with pytest.raises(Conflict, match=f"^Message {answer.id} is not a user's, and only those can be sent again$"):
        await heart.chat.resend(ANA, thread.id, answer.id, EDIT)
    for message_id in (99999, 0, 2**63):
        with pytest.raises(NotFound, match=f"^Message {message_id} not found$"):
            await heart.chat.resend(ANA, thread.id, message_id, EDIT)
    with pytest.raises(NotFound, match=f"^Message {question.id} not found$"):
        await heart.chat.resend(ANA, other.id, question.id, EDIT)
    with pytest.raises(NotFound, match=f"^Thread {thread.id} not found$"):
        await heart.chat.resend(BEN, thread.id, question.id, EDIT)
    with pytest.raises(RequestError, match="content must not be blank"):
        await heart.chat.resend(ANA, thread.id, question.id, Resend(content=" "))
    assert await texts(heart, thread) == ["Why?", "Because."]


async def test_without_a_run_nothing_is_cut(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    await heart.published()
    heart.heard.clear()
    await heart.runner.finish()
    with pytest.raises(RequestError, match="The server stops"):
        await heart.chat.resend(ANA, thread.id, question.id, EDIT)
    await heart.published()
    assert await texts(heart, thread) == ["Why?", "Because."]
    assert heart.heard.events == []


# Over the line


async def test_a_key_makes_it_happen_once(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    params: dict[str, Any] = {"thread_id": thread.id, "message_id": question.id, "content": "How?", "client_id": "c"}
    caller = Caller(heart)
    first = await caller.call("thread.resend", "k", **params)
    heart.model.finish()
    await heart.ended(await heart.runs.get(ANA, first["result"]["run_id"]))
    assert (await caller.call("thread.resend", "k", **params))["result"] == first["result"]
    assert first["result"]["message"] == {
        "id": question.id,
        "thread_id": thread.id,
        "role": "user",
        "content": "How?",
        "timestamp": question.timestamp,
        "processed": False,
        "version": question.version + 1,
        "client_id": "c",
    }
    assert [position["topic"] for position in first["positions"]] == [f"thread:{thread.id}"] * 2
    assert len(heart.model.asked) == 2


async def test_two_at_once_are_one(heart: Heart) -> None:
    thread = await heart.thread()
    question = await answered(heart, thread, "Why?", "Because.")
    outcomes = await asyncio.gather(
        *(heart.chat.resend(ANA, thread.id, question.id, EDIT) for _ in range(2)), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in sorted(outcomes, key=repr)] == ["Conflict", "Resent"]


# Over REST


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Application]:
    async with application(tmp_path) as api:
        yield api


async def test_the_same_over_rest(api: Application) -> None:
    agent = (await api.client.post("/api/agents", json={"name": "Ada"})).json()
    thread = (await api.client.post("/api/threads", json={"agent_id": agent["id"]})).json()
    path = f"/api/threads/{thread['id']}/messages"
    said = [(await api.client.post(path, json={"content": text})).json() for text in ("One", "Two")]
    answer = await api.client.post(f"{path}/{said[0]['id']}/resend", json={"content": "Three"})
    assert (answer.status_code, answer.json()["message"]["content"]) == (202, "Three")
    assert (await api.client.get(f"/api/runs/{answer.json()['run_id']}")).status_code == 200
    gone = await api.client.post(f"{path}/{said[1]['id']}/resend", json={})
    assert (gone.status_code, gone.json()["detail"]) == (404, f"Message {said[1]['id']} not found")
    assert (await api.client.post(f"{path}/{said[0]['id']}/resend", json={"text": "x"})).status_code == 422
