"""What the list of threads tells of each, and that the events of the feed keep it true."""

from typing import Any

from msgspec.structs import replace

from tests.agents.rig import ANA, BEN, Heart
from trunkline import Event, Principal, parse_topic
from trunkline.agents.events import Thread
from trunkline.agents.models.base import ModelRateLimited
from trunkline.agents.services import Resend
from trunkline.agents.snapshots import ThreadActivity, ThreadList


async def activity(heart: Heart, principal: Principal | None = None) -> list[ThreadActivity]:
    taken = await heart.line.hub.snapshots.take(principal or heart.principal, parse_topic("thread:*"))
    assert taken is not None
    assert isinstance(taken[1], ThreadList)
    return taken[1].activity


class Board:
    """What a client does with the events of `thread:*`, and nothing else."""

    def __init__(self, known: list[ThreadActivity]) -> None:
        self.of = {each.thread_id: each for each in known}

    def apply(self, event: Event[Any]) -> None:
        if not event.type.feed or event.type.pattern.namespace != "thread":
            return
        data, name = event.data, event.type.name
        if name == "thread_created":
            self.of[data.id] = ThreadActivity(
                thread_id=data.id, messages=0, last_message_id=None, last_role=None, last_run=None
            )
        elif name == "thread_deleted":
            del self.of[data.id]
        elif name.startswith("thread_message"):
            self.of[data.thread_id] = self._count(self.of[data.thread_id], name, data)
        elif name.startswith("run"):
            self.of[data.thread_id] = replace(self.of[data.thread_id], last_run=data.run)

    @staticmethod
    def _count(before: ThreadActivity, name: str, data: Any) -> ThreadActivity:
        if name == "thread_message_deleted":
            return replace(before, messages=before.messages - 1, last_message_id=None, last_role=None)
        messages = before.messages + (name == "thread_message_created")
        if data.id < (before.last_message_id or 0):
            return replace(before, messages=messages)
        return replace(before, messages=messages, last_message_id=data.id, last_role=data.role)


async def finish(heart: Heart, thread: Thread, text: str = "Good day") -> None:
    heart.model.say(text)
    heart.model.finish()
    run = await heart.runs.active(ANA, thread.id)
    assert run is not None
    await heart.ended(run)


async def test_the_list_tells_what_has_happened_in_each_thread(heart: Heart) -> None:
    quiet, asked, running = [await heart.thread() for _ in range(3)]
    said = [await heart.say(asked, text) for text in ("One", "Two")]
    run = await heart.ask(running)
    prompt = await heart.threads.messages(ANA, running.id)
    first, second, third = await activity(heart)
    assert first == ThreadActivity(thread_id=quiet.id, messages=0, last_message_id=None, last_role=None, last_run=None)
    assert second == replace(first, thread_id=asked.id, messages=2, last_message_id=said[1].id, last_role="user")
    assert third == ThreadActivity(
        thread_id=running.id, messages=1, last_message_id=prompt.items[0].id, last_role="user", last_run=run
    )
    await finish(heart, running)
    after = (await activity(heart))[2]
    assert (after.messages, after.last_role, after.last_run) == (2, "assistant", await heart.runs.get(ANA, run.id))


async def test_the_newest_run_is_told_and_nobody_else_s_thread(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.thread(BEN)
    for _ in range(2):
        await heart.ask(thread)
        await finish(heart, thread)
    last = await heart.ask(thread)
    assert [each.last_run for each in await activity(heart)] == [last]
    assert [each.messages for each in await activity(heart, Principal("ben@desk", BEN))] == [0]


async def test_the_events_of_the_feed_keep_it_true(heart: Heart) -> None:
    threads = [await heart.thread() for _ in range(2)]
    await heart.published()
    board = Board(await activity(heart))
    heart.heard.clear()

    async def check() -> None:
        await heart.published()
        for event in heart.heard.events:
            board.apply(event)
        heart.heard.clear()
        assert list(board.of.values()) == await activity(heart)

    first = await heart.say(threads[0], "One")
    await check()
    await heart.ask(threads[0], "Two")
    await check()
    await finish(heart, threads[0])
    await check()
    run = await heart.ask(threads[1])
    heart.model.fail(ModelRateLimited())
    await heart.ended(run)
    await check()
    await heart.chat.resend(ANA, threads[0].id, first.id, Resend(content="Other words"))
    await heart.heard.until("run_started")
    await check()
    await finish(heart, threads[0], "Other answer")
    await check()
    added = await heart.thread()
    await heart.say(added)
    await heart.threads.delete(ANA, threads[1].id)
    await check()
    assert [each.messages for each in await activity(heart)] == [2, 1]
