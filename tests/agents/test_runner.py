"""Runs: from the question to the last event, and every way in which they end."""

import asyncio
import logging
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from tests.agents.rig import ANA, BEN, Heart, Shelf, never_sleeping, open_heart
from trunkline import Conflict, EventBus, NotFound, Published, RequestError, Trunkline, TrunklineError
from trunkline.agents.events import Thread
from trunkline.agents.models.base import ChatMessage, ModelRateLimited
from trunkline.agents.models.echo import EchoModel
from trunkline.agents.runner import Runner, RunnerOptions
from trunkline.agents.services import MessageDraft, ThreadDraft
from trunkline.agents.services.runs import INTERRUPTED
from trunkline.testing.clock import until

CHUNK = RunnerOptions().chunk_interval
SECOND = RunnerOptions().checkpoint_interval


async def contents(heart: Heart, thread: Thread) -> list[tuple[str, str, bool]]:
    page = await heart.threads.messages(ANA, thread.id)
    return [(message.role, message.content, message.processed) for message in page.items]


# The way of an answer


async def test_an_answer_is_told_from_its_start_to_its_end(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Good day")
    heart.model.finish()
    ended = await heart.ended(run)
    await heart.published()
    assert heart.heard.names() == [
        *("agent_created", "thread_created", "thread_message_created"),
        *("run_started", "stream_start", "agent_updated"),
        "stream_chunk",
        *("stream_end", "thread_message_created", "thread_message_updated", "run_finished", "agent_updated"),
    ]
    assert (ended.status, ended.error, ended.finished_at) == ("done", None, "2026-03-01T12:00:00.000Z")
    assert await contents(heart, thread) == [("user", "Hello", True), ("assistant", "Good day", True)]


async def test_every_event_names_the_message_that_the_stream_fills(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Good day")
    heart.model.finish("length")
    await heart.ended(run)
    await heart.published()
    start, chunk, end = (event.data for event in heart.heard.of("stream_start", "stream_chunk", "stream_end"))
    message = heart.heard.of("thread_message_created")[-1].data
    assert start.message_id == chunk.message_id == end.message_id == message.id == run.message_id
    assert start.run_id == chunk.run_id == end.run_id == run.id
    assert (end.length, end.finish_reason) == (8, "length")
    [finished] = heart.heard.of("run_finished")
    assert (finished.data.status, "error" in msgspec.json.decode(finished.body)) == ("done", False)
    assert all(event.topic == f"thread:{thread.id}" for event in heart.heard.of("stream_chunk", "run_finished"))
    assert [event.feed for event in heart.heard.of("stream_start", "stream_chunk", "stream_end")] == [None] * 3


async def test_the_model_is_asked_with_instructions_history_and_options(heart: Heart) -> None:
    config = {"temperature": 0.5, "max_tokens": 9, "colour": "blue"}
    thread = await heart.thread(system_instructions="Be kind.", task_instructions="Be short.", config=config)
    for question, answer in (("One?", "1"), ("Two?", "2")):
        run = await heart.ask(thread, question)
        heart.model.say(answer)
        heart.model.finish()
        await heart.ended(run)
    assert heart.model.asked[-1] == [
        ChatMessage("system", "Be kind.\n\nBe short."),
        ChatMessage("user", "One?"),
        ChatMessage("assistant", "1"),
        ChatMessage("user", "Two?"),
    ]
    assert (heart.model.options[-1].temperature, heart.model.options[-1].max_tokens) == (0.5, 9)


async def test_an_agent_without_a_model_gets_the_default_and_one_with_a_model_gets_that(tmp_path: Path) -> None:
    line = Trunkline(bus=EventBus())
    async with line, open_heart(tmp_path / "models.db") as heart:
        runner = Runner(heart.runs, Shelf(EchoModel(sleep=never_sleeping), heart.model), line.publish)
        for model, said in (("", "I am echo"), ("scripted", "scripted")):
            thread = await heart.thread(model=model)
            await heart.say(thread)
            heart.model.say("scripted")
            heart.model.finish()
            run = await runner.submit(ANA, thread.id)
            await until(partial(has_ended, runner, run.id))
            assert (await contents(heart, thread))[-1][1].startswith(said)
        await runner.stop()


async def test_messages_that_come_during_an_answer_wait_for_the_next(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread, "One?")
    await heart.say(thread, "Two?")
    heart.model.say("1")
    heart.model.finish()
    await heart.ended(run)
    assert await contents(heart, thread) == [("user", "One?", True), ("assistant", "1", True), ("user", "Two?", False)]
    heart.model.say("2")
    heart.model.finish()
    await heart.ended(await heart.runner.submit(ANA, thread.id))
    assert [message.content for message in heart.model.asked[-1]] == ["One?", "1", "Two?"]
    assert (await contents(heart, thread))[-1] == ("assistant", "2", True)


def has_ended(runner: Runner, run_id: int) -> bool:
    return runner.told(run_id) is None


# Chunks


async def test_chunks_are_rolled_up_and_join_by_arithmetic(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("a")
    await heart.heard.until("stream_chunk", 1)
    await heart.sleep.until_asleep(CHUNK)
    heart.model.say("b", "c", "é🙂")
    await until(lambda: heart.model.waits)
    assert len(heart.heard.of("stream_chunk")) == 1
    heart.sleep.advance(CHUNK)
    await heart.heard.until("stream_chunk", 2)
    await heart.sleep.until_asleep(CHUNK)
    heart.model.say("d")
    heart.model.finish()
    await heart.model.closed.wait()
    assert len(heart.heard.of("stream_chunk")) == 2
    heart.sleep.advance(CHUNK)
    await heart.ended(run)
    chunks = [(event.data.at, event.data.text) for event in heart.heard.of("stream_chunk")]
    assert chunks == [(0, "a"), (1, "bcé🙂"), (5, "d")]
    assert (await contents(heart, thread))[-1][1] == "abcé🙂d"


async def test_chunks_never_overtake_the_start_nor_the_end_the_chunks(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("a", "b")
    heart.model.finish()
    await heart.ended(run)
    await heart.published()
    names = [name for name in heart.heard.names() if name.startswith("stream_")]
    assert names == ["stream_start", "stream_chunk", "stream_end"]


async def test_halves_of_a_character_are_joined_and_lone_ones_replaced(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("smile \ud83d", "\ude42 half \ude42!")
    heart.model.finish()
    await heart.ended(run)
    assert (await contents(heart, thread))[-1][1] == "smile 🙂 half \ufffd!"


async def test_an_answer_without_end_is_cut_at_what_a_message_may_have(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say(*["x" * 65_536] * 5)
    ended = await heart.ended(run)
    await heart.published()
    assert (ended.status, heart.model.closed.is_set()) == ("done", True)
    assert heart.heard.of("stream_end")[0].data.finish_reason == "length"
    assert len((await contents(heart, thread))[-1][1]) == 262_144


# One run of a thread, many of all


async def test_a_second_run_of_a_thread_is_a_conflict(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    sentence = f"Thread {thread.id} already has run {run.id} in progress"
    with pytest.raises(Conflict, match=sentence):
        await heart.runner.submit(ANA, thread.id)
    with pytest.raises(Conflict, match=sentence):
        await heart.chat.send(ANA, thread.id, MessageDraft(content="More"), run=True)
    assert await contents(heart, thread) == [("user", "Hello", False)]
    assert await heart.runs.active(ANA, thread.id) == run


async def test_a_thread_without_a_question_has_nothing_to_run(heart: Heart) -> None:
    thread = await heart.thread()
    with pytest.raises(Conflict, match=f"Thread {thread.id} has no message that needs an answer"):
        await heart.runner.submit(ANA, thread.id)
    run = await heart.ask(thread)
    heart.model.finish()
    await heart.ended(run)
    with pytest.raises(Conflict, match="has no message that needs an answer"):
        await heart.runner.submit(ANA, thread.id)
    assert await heart.runs.active(ANA, thread.id) is None


async def test_sending_again_with_the_same_client_id_returns_the_same_run(heart: Heart) -> None:
    thread = await heart.thread()
    draft = MessageDraft(content="Hello", client_id="c1")
    first = await heart.chat.send(ANA, thread.id, draft, run=True)
    again = await heart.chat.send(ANA, thread.id, draft, run=True)
    heart.model.finish()
    assert first.run_id is not None
    await heart.ended(await heart.runs.get(ANA, first.run_id))
    assert first == again
    assert (await heart.chat.send(ANA, thread.id, draft, run=True)).run_id == first.run_id
    assert len(heart.model.asked) == 1


async def test_the_agent_runs_while_one_of_its_runs_does(heart: Heart) -> None:
    thread = await heart.thread()
    second = await heart.threads.create(ANA, ThreadDraft(agent_id=thread.agent_id))
    run = await heart.ask(thread)
    other = await heart.ask(second)
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "running"
    await heart.runner.cancel(ANA, run.id)
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "running"
    await heart.runner.cancel(ANA, other.id)
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "idle"
    await heart.published()
    assert [event.data.status for event in heart.heard.of("agent_updated")] == ["running", "idle"]


async def test_runs_beyond_the_bound_wait_their_turn_and_beyond_that_are_refused(tmp_path: Path) -> None:
    async with open_heart(tmp_path / "busy.db", running=1, waiting=1) as heart:
        threads = [await heart.thread() for _ in range(3)]
        for thread in threads[1:]:
            await heart.say(thread)
        first = await heart.ask(threads[0])
        second = await heart.runner.submit(ANA, threads[1].id)
        with pytest.raises(RequestError, match="Too many answers are waiting") as caught:
            await heart.runner.submit(ANA, threads[2].id)
        assert caught.value.code == "rate_limited"
        assert (await heart.runs.get(ANA, second.id)).status == "queued"
        heart.model.streaming.clear()
        heart.model.finish()
        await heart.ended(first)
        await heart.model.streaming.wait()
        assert (await heart.runs.get(ANA, second.id)).status == "running"


async def test_a_run_that_was_rolled_back_is_never_started(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.say(thread)
    with pytest.raises(RuntimeError):
        async with heart.database.unit_of_work(ANA):
            run = await heart.runner.submit(ANA, thread.id)
            raise RuntimeError
    assert heart.runner.told(run.id) is None
    assert await heart.runs.active(ANA, thread.id) is None


# Ways to end


async def test_cancelling_closes_the_stream_and_keeps_the_text_so_far(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Good")
    await heart.heard.until("stream_chunk")
    ended, receipt = await heart.runner.cancel(ANA, run.id)
    assert heart.model.closed.is_set()
    assert (ended.status, ended.error) == ("cancelled", None)
    assert receipt is not None
    assert {result.topic for result in await receipt.wait() if isinstance(result, Published)} == {
        f"thread:{thread.id}",
        f"agent:{thread.agent_id}",
    }
    assert heart.heard.of("stream_end")[0].data.finish_reason == "cancelled"
    assert heart.heard.of("run_finished")[0].data.status == "cancelled"
    assert await contents(heart, thread) == [("user", "Hello", False), ("assistant", "Good", True)]


async def test_cancelling_before_a_word_leaves_no_message(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    ended, _ = await heart.runner.cancel(ANA, run.id)
    await heart.published()
    assert ended.message_id is None
    assert heart.heard.of("stream_end")[0].data.length == 0
    assert await contents(heart, thread) == [("user", "Hello", False)]


async def test_cancelling_twice_or_after_the_end_changes_nothing(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    first, second = await asyncio.gather(heart.runner.cancel(ANA, run.id), heart.runner.cancel(ANA, run.id))
    third = await heart.runner.cancel(ANA, run.id)
    assert first.run == second.run == third.run
    assert third.receipt is None
    await heart.published()
    assert len(heart.heard.of("run_finished")) == 1


async def test_only_the_owner_cancels_what_exists(heart: Heart) -> None:
    run = await heart.ask(await heart.thread())
    with pytest.raises(NotFound, match=f"Run {run.id} not found"):
        await heart.runner.cancel(BEN, run.id)
    with pytest.raises(NotFound, match="Run 99999 not found"):
        await heart.runner.cancel(ANA, 99999)
    assert (await heart.runs.get(ANA, run.id)).status == "running"


async def test_cancelling_inside_a_unit_of_work_is_refused_before_it_hangs(heart: Heart) -> None:
    run = await heart.ask(await heart.thread())
    async with heart.database.unit_of_work(ANA):
        with pytest.raises(TrunklineError, match="cannot write its end"):
            await heart.runner.cancel(ANA, run.id)


async def test_a_waiting_run_is_cancelled_without_having_been_started(tmp_path: Path) -> None:
    async with open_heart(tmp_path / "busy.db", running=1) as heart:
        await heart.ask(await heart.thread())
        thread = await heart.thread()
        await heart.say(thread)
        waiting = await heart.runner.submit(ANA, thread.id)
        ended, _ = await heart.runner.cancel(ANA, waiting.id)
        await heart.published()
        assert (ended.status, ended.started_at, ended.message_id) == ("cancelled", None, None)
        told = [event.type.name for event in heart.heard.events if event.topic == f"thread:{thread.id}"]
        assert told == ["thread_created", "thread_message_created", "run_finished"]


async def test_a_model_s_error_fails_the_run_with_its_sentence_and_keeps_the_text(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Good")
    heart.model.fail(ModelRateLimited(20))
    ended = await heart.ended(run)
    await heart.published()
    sentence = "The model provider gets too many requests from this account (429). Try again in 20 seconds."
    assert (ended.status, ended.error) == ("failed", sentence)
    assert heart.heard.of("run_finished")[0].data.error == sentence
    assert heart.heard.of("stream_end")[0].data.finish_reason == "error"
    assert await contents(heart, thread) == [("user", "Hello", False), ("assistant", "Good", True)]
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "error"


async def test_what_failed_can_be_run_again_and_is_asked_as_before(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    heart.model.say("Goo")
    heart.model.fail(ModelRateLimited())
    await heart.ended(run)
    heart.model.say("Good day")
    heart.model.finish()
    again = await heart.ended(await heart.runner.submit(ANA, thread.id))
    assert again.status == "done"
    assert heart.model.asked[0] == heart.model.asked[1] == [ChatMessage("user", "Hello")]
    assert [content for _, content, _ in await contents(heart, thread)] == ["Hello", "Goo", "Good day"]
    assert (await heart.agents.get(ANA, thread.agent_id)).status == "idle"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model": "unknown"}, "There is no model 'unknown' here."),
        ({"config": {"temperature": 9}}, "The agent's option 'temperature' must be a number from 0 to 2, not 9."),
    ],
)
async def test_what_the_model_cannot_take_fails_the_run(heart: Heart, fields: dict[str, Any], sentence: str) -> None:
    thread = await heart.thread(**fields)
    await heart.say(thread)
    ended = await heart.ended(await heart.runner.submit(ANA, thread.id))
    assert (ended.status, ended.error, ended.message_id) == ("failed", sentence, None)


@pytest.mark.parametrize("error", [ValueError("a fault"), asyncio.CancelledError()])
async def test_a_fault_of_the_adapter_fails_the_run_and_is_logged(
    heart: Heart, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    run = await heart.ask(await heart.thread())
    heart.model.fail(error)
    ended = await heart.ended(run)
    assert ended.error == "The answer failed because of an error on the server; its log says more."
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_stream_that_ends_without_done_was_cut(heart: Heart) -> None:
    run = await heart.ask(await heart.thread())
    heart.model.fail(StopAsyncIteration())
    assert (await heart.ended(run)).status == "failed"


# Keeping the text


async def test_the_text_is_kept_at_least_each_second(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    assert run.message_id is not None
    await heart.sleep.until_asleep(SECOND)
    for so_far, said in (("Good", "Good"), ("Good day", " day")):
        heart.model.say(said)
        while heart.runner.told(run.id) != so_far:
            heart.sleep.advance(CHUNK)
            await asyncio.sleep(0)
        heart.sleep.advance(SECOND)
        await heart.sleep.until_asleep(SECOND)
        assert await kept(heart, run.message_id) == so_far
    assert await contents(heart, thread) == [("user", "Hello", False)]


async def kept(heart: Heart, message_id: int) -> str:
    async with heart.database.reading() as rows:
        return await rows.messages.draft_text(message_id)


async def test_a_run_that_a_dead_process_left_ends_failed_with_its_text_as_the_message(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    thread, run_id, waiting_id = await killed_in_the_middle(path)
    async with open_heart(path) as heart:
        run = await heart.runs.get(ANA, run_id)
        waiting = await heart.runs.get(ANA, waiting_id)
        await heart.published()
        assert (run.status, run.error) == ("failed", INTERRUPTED)
        assert (waiting.status, waiting.error, waiting.message_id) == ("failed", INTERRUPTED, None)
        assert await contents(heart, thread) == [("user", "Hello", False), ("assistant", "Good d", True)]
        assert (await heart.agents.get(ANA, thread.agent_id)).status == "error"
        told = [event.type.name for event in heart.heard.events if event.topic == f"thread:{thread.id}"]
        assert told[-3:] == ["stream_end", "thread_message_created", "run_finished"]
        assert heart.heard.of("stream_end")[0].data.length == 6
        heart.model.say("Good day")
        heart.model.finish()
        assert (await heart.ended(await heart.runner.submit(ANA, thread.id))).status == "done"


async def killed_in_the_middle(path: Path) -> tuple[Thread, int, int]:
    """Leave a database as a killed process does: one run in the middle of its answer, one still waiting."""
    async with open_heart(path) as heart:
        thread, second = await heart.thread(), await heart.thread()
        await heart.say(thread)
        await heart.say(second)
        run = await heart.runs.create(ANA, thread.id, lambda _: None)
        begun = await heart.runs.begin(ANA, run.id)
        assert begun is not None
        await heart.runs.checkpoint(ANA, begun.prompt.message_id, "Good d")
        waiting = await heart.runs.create(ANA, second.id, lambda _: None)
    return thread, run.id, waiting.id


async def test_an_agent_that_runs_without_a_run_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "stuck.db"
    async with open_heart(path) as heart:
        agent = await heart.agent()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE agents SET status = 'running'")
    raw.close()
    async with open_heart(path) as heart:
        assert (await heart.agents.get(ANA, agent.id)).status == "idle"
        assert (await heart.heard.until("agent_updated")).data.status == "idle"


async def test_stopping_ends_runs_with_their_texts_and_refuses_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "stopped.db"
    async with open_heart(path, running=1) as heart:
        thread, second = await heart.thread(), await heart.thread()
        run = await heart.ask(thread)
        heart.model.say("Good")
        await heart.heard.until("stream_chunk")
        await heart.say(second)
        waiting = await heart.runner.submit(ANA, second.id)
        await heart.runner.stop()
        assert heart.model.closed.is_set()
        for left in (run, waiting):
            ended = await heart.runs.get(ANA, left.id)
            assert (ended.status, ended.error) == ("failed", INTERRUPTED)
        assert (await contents(heart, thread))[-1] == ("assistant", "Good", True)
        with pytest.raises(RequestError, match="The server stops"):
            await heart.runner.submit(ANA, thread.id)
        await heart.published()
        assert [event.data.status for event in heart.heard.of("run_finished")] == ["failed", "failed"]


# When the database fails


async def test_an_end_that_the_database_refuses_is_written_when_it_can(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    await limit_pages(heart, "page_count")
    heart.model.say("x" * 100_000)
    heart.model.finish()
    await heart.model.closed.wait()
    await heart.sleep.until_asleep(1.0)
    assert heart.runner.told(run.id) == "x" * 100_000
    await limit_pages(heart, "1000000")
    heart.sleep.advance(1.0)
    assert (await heart.ended(run)).status == "done"
    assert (await contents(heart, thread))[-1][1] == "x" * 100_000


async def test_stopping_does_not_wait_for_a_database_that_refuses(tmp_path: Path) -> None:
    path = tmp_path / "full.db"
    async with open_heart(path) as heart:
        thread = await heart.thread()
        run = await heart.ask(thread)
        await limit_pages(heart, "page_count")
        heart.model.say("x" * 100_000)
        heart.model.finish()
        await heart.model.closed.wait()
        await heart.sleep.until_asleep(1.0)
        await heart.runner.stop()
    async with open_heart(path) as heart:
        assert (await heart.runs.get(ANA, run.id)).status == "failed"


async def limit_pages(heart: Heart, pages: str) -> None:
    async with heart.database.unit_of_work(ANA) as unit:
        if pages == "page_count":
            pages = str(await unit.session.scalar(text("PRAGMA page_count")))
        await unit.session.execute(text(f"PRAGMA max_page_count={pages}"))


async def test_a_run_that_nobody_works_on_can_be_cancelled(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.say(thread)
    run = await heart.runs.create(ANA, thread.id, lambda _: None)
    ended, _ = await heart.runner.cancel(ANA, run.id)
    assert ended.status == "cancelled"


async def test_a_chunk_that_the_broker_refuses_leaves_a_hole_and_no_more(
    heart: Heart, caplog: pytest.LogCaptureFixture
) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    await heart.line.broker.stop()
    heart.model.say("Good")
    await heart.sleep.until_asleep(CHUNK)
    await heart.line.broker.start(heart.line.hub.deliver)
    heart.model.say(" day")
    heart.model.finish()
    await heart.model.closed.wait()
    heart.sleep.advance(CHUNK)
    await heart.ended(run)
    assert "could not be published" in caplog.text
    assert (await contents(heart, thread))[-1][1] == "Good day"
    assert [(event.data.at, event.data.text) for event in heart.heard.of("stream_chunk")][-1] == (4, " day")


async def test_a_checkpoint_that_the_database_refuses_is_logged_and_the_answer_goes_on(
    heart: Heart, caplog: pytest.LogCaptureFixture
) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    await heart.sleep.until_asleep(SECOND)
    await limit_pages(heart, "page_count")
    heart.model.say("x" * 100_000)
    await heart.heard.until("stream_chunk")
    heart.sleep.advance(SECOND)
    await heart.sleep.until_asleep(SECOND)
    assert "was not kept: The disk of the server is full" in caplog.text
    await limit_pages(heart, "1000000")
    heart.model.finish()
    assert (await heart.ended(run)).status == "done"
    assert len((await contents(heart, thread))[-1][1]) == 100_000
