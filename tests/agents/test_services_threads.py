"""The rules of threads and messages, and what each change tells."""

import pytest

from tests.agents.rig import ANA, BEN, Heart
from trunkline import Conflict, NotFound, RequestError
from trunkline.agents.services import MessageDraft, ThreadChanges, ThreadDraft


async def test_a_thread_is_created_as_written_and_told(heart: Heart) -> None:
    agent = await heart.agent()
    thread = await heart.threads.create(ANA, ThreadDraft(agent_id=agent.id, title="Tea"))
    told = await heart.heard.until("thread_created")
    assert told.data == thread == await heart.threads.get(ANA, thread.id)
    assert (told.topic, told.feed) == (f"thread:{thread.id}", "thread:*@ana")
    assert (thread.title, thread.active, thread.version) == ("Tea", True, 1)


async def test_a_thread_needs_an_agent_of_its_owner(heart: Heart) -> None:
    agent = await heart.agent()
    with pytest.raises(NotFound, match=f"Agent {agent.id} not found"):
        await heart.threads.create(BEN, ThreadDraft(agent_id=agent.id))
    with pytest.raises(NotFound, match="Agent 99999 not found"):
        await heart.threads.create(ANA, ThreadDraft(agent_id=99999))


async def test_changes_count_the_version_and_tell_the_whole_thread(heart: Heart) -> None:
    thread = await heart.thread()
    patched = await heart.threads.patch(ANA, thread.id, ThreadChanges(title="Tea"))
    draft = ThreadDraft(agent_id=thread.agent_id, title="Coffee", active=False)
    replaced = await heart.threads.replace(ANA, thread.id, draft, version=2)
    assert await heart.threads.patch(ANA, thread.id, ThreadChanges()) == replaced
    await heart.published()
    assert (patched.title, patched.active, patched.version) == ("Tea", True, 2)
    assert (replaced.title, replaced.active, replaced.version) == ("Coffee", False, 3)
    assert [event.data for event in heart.heard.of("thread_updated")] == [patched, replaced]


async def test_what_contradicts_the_thread_is_a_conflict(heart: Heart) -> None:
    thread, other = await heart.thread(), await heart.thread()
    with pytest.raises(Conflict, match=f"Thread {thread.id} is at version 1, not 7"):
        await heart.threads.patch(ANA, thread.id, ThreadChanges(title="Tea"), version=7)
    with pytest.raises(Conflict, match=f"belongs to agent {thread.agent_id} and cannot move"):
        await heart.threads.replace(ANA, thread.id, ThreadDraft(agent_id=other.agent_id))
    with pytest.raises(Conflict, match="is at version 1"):
        await heart.threads.delete(ANA, thread.id, version=7)


@pytest.mark.parametrize("thread_id", [99999, 0, -1, 2**63])
async def test_what_is_not_there_is_named(heart: Heart, thread_id: int) -> None:
    for attempt in (
        heart.threads.get(ANA, thread_id),
        heart.threads.patch(ANA, thread_id, ThreadChanges()),
        heart.threads.delete(ANA, thread_id),
        heart.threads.messages(ANA, thread_id),
        heart.threads.add_message(ANA, thread_id, MessageDraft(content="Hello")),
        heart.runner.submit(ANA, thread_id),
        heart.runs.active(ANA, thread_id),
    ):
        with pytest.raises(NotFound, match=f"^Thread {thread_id} not found$"):
            await attempt


async def test_another_owner_s_thread_does_not_exist(heart: Heart) -> None:
    thread = await heart.thread()
    for attempt in (
        heart.threads.get(BEN, thread.id),
        heart.threads.delete(BEN, thread.id),
        heart.threads.messages(BEN, thread.id),
        heart.chat.send(BEN, thread.id, MessageDraft(content="Hello"), run=True),
        heart.runner.submit(BEN, thread.id),
    ):
        with pytest.raises(NotFound, match=f"Thread {thread.id} not found"):
            await attempt
    assert (await heart.threads.list(BEN)).items == []


async def test_lists_page_by_cursor_and_by_agent(heart: Heart) -> None:
    first = await heart.thread()
    second = await heart.threads.create(ANA, ThreadDraft(agent_id=first.agent_id))
    third = await heart.thread()
    page = await heart.threads.list(ANA, limit=2)
    assert (page.items, page.next) == ([first, second], second.id)
    assert (await heart.threads.list(ANA, after=page.next, limit=2)).items == [third]
    assert (await heart.threads.list(ANA, agent_id=first.agent_id)).items == [first, second]
    with pytest.raises(NotFound, match="Agent 99999 not found"):
        await heart.threads.list(ANA, agent_id=99999)


async def test_a_title_is_bounded(heart: Heart) -> None:
    thread = await heart.thread()
    with pytest.raises(RequestError, match="title has at most 200 characters"):
        await heart.threads.create(ANA, ThreadDraft(agent_id=thread.agent_id, title="x" * 201))
    with pytest.raises(RequestError, match="title has at most 200 characters"):
        await heart.threads.patch(ANA, thread.id, ThreadChanges(title="x" * 201))


async def test_deleting_a_thread_takes_its_messages_and_cancels_its_answer(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    await heart.threads.delete(ANA, thread.id)
    await heart.published()
    assert heart.model.closed.is_set()
    assert [event.type.name for event in heart.heard.of("run_finished", "thread_deleted")] == [
        "run_finished",
        "thread_deleted",
    ]
    with pytest.raises(NotFound, match=f"Run {run.id} not found"):
        await heart.runs.get(ANA, run.id)
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "idle"


# Messages


async def test_a_message_is_stored_and_told(heart: Heart) -> None:
    thread = await heart.thread()
    draft = MessageDraft(content="Hello 🙂", client_id="c1")
    message = await heart.threads.add_message(ANA, thread.id, draft)
    told = await heart.heard.until("thread_message_created")
    assert told.data == message
    assert (told.topic, told.feed) == (f"thread:{thread.id}", "thread:*@ana")
    assert (message.role, message.content, message.processed, message.client_id) == ("user", "Hello 🙂", False, "c1")
    assert b'"client_id":"c1"' in told.body


async def test_a_message_without_a_client_id_says_nothing_of_one(heart: Heart) -> None:
    await heart.say(await heart.thread())
    assert b"client_id" not in (await heart.heard.until("thread_message_created")).body


async def test_the_same_client_id_twice_is_one_message(heart: Heart) -> None:
    thread, other = await heart.thread(), await heart.thread()
    first = await heart.threads.add_message(ANA, thread.id, MessageDraft(content="Hello", client_id="c1"))
    again = await heart.threads.add_message(ANA, thread.id, MessageDraft(content="Hello!", client_id="c1"))
    elsewhere = await heart.threads.add_message(ANA, other.id, MessageDraft(content="Hello", client_id="c1"))
    await heart.published()
    assert again == first
    assert elsewhere.id != first.id
    assert len(heart.heard.of("thread_message_created")) == 2
    assert (await heart.threads.messages(ANA, thread.id)).items == [first]


async def test_messages_page_by_cursor(heart: Heart) -> None:
    thread = await heart.thread()
    said = [await heart.say(thread, f"message {number}") for number in range(3)]
    page = await heart.threads.messages(ANA, thread.id, limit=2)
    assert (page.items, page.next) == (said[:2], said[1].id)
    assert (await heart.threads.messages(ANA, thread.id, after=page.next)).items == said[2:]


async def test_messages_are_read_backwards_from_an_id(heart: Heart) -> None:
    thread = await heart.thread()
    said = [await heart.say(thread, f"Message {number}") for number in range(5)]
    newest = await heart.threads.messages(ANA, thread.id, before=2**70, limit=2)
    assert (newest.items, newest.next) == (said[3:], said[3].id)
    older = await heart.threads.messages(ANA, thread.id, before=newest.next, limit=2)
    assert (older.items, older.next) == (said[1:3], said[1].id)
    oldest = await heart.threads.messages(ANA, thread.id, before=older.next, limit=2)
    assert (oldest.items, oldest.next) == (said[:1], None)
    assert (await heart.threads.messages(ANA, thread.id, before=said[0].id)).items == []
    with pytest.raises(RequestError, match="Give after or before, not both"):
        await heart.threads.messages(ANA, thread.id, after=1, before=9)


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (MessageDraft(content=""), "content must not be blank"),
        (MessageDraft(content=" \n\t"), "content must not be blank"),
        (MessageDraft(content="é" * (512 * 1024 + 1)), "content takes at most 1048576 bytes"),
        (MessageDraft(content="\ud83d"), "content is not valid Unicode"),
        (MessageDraft(content="a\0"), "U\\+0000"),
        (MessageDraft(content="Hello", client_id="x" * 129), "client_id has at most 128 characters"),
        (MessageDraft(content="Hello", client_id=" "), "client_id must not be blank"),
    ],
)
async def test_what_may_not_be_said_is_refused_with_a_sentence(
    heart: Heart, draft: MessageDraft, sentence: str
) -> None:
    thread = await heart.thread()
    with pytest.raises(RequestError, match=sentence):
        await heart.threads.add_message(ANA, thread.id, draft)
    assert (await heart.threads.messages(ANA, thread.id)).items == []


async def test_the_longest_message_is_stored(heart: Heart) -> None:
    thread = await heart.thread()
    message = await heart.say(thread, "é" * (512 * 1024))
    assert (await heart.threads.messages(ANA, thread.id)).items == [message]
