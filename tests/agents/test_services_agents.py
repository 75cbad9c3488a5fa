"""The rules of agents, and what each change tells."""

from typing import Any

import pytest

from tests.agents.rig import ANA, BEN, Heart
from trunkline import Conflict, NotFound, RequestError
from trunkline.agents.services import AgentChanges, AgentDraft, AgentService


async def test_an_agent_is_created_as_written_and_told(heart: Heart) -> None:
    draft = AgentDraft(
        name="Ada", model="echo", system_instructions="Be kind.", task_instructions="Answer.", config={"top_p": 0.5}
    )
    agent = await heart.agents.create(ANA, draft)
    told = await heart.heard.until("agent_created")
    assert told.data == agent == await heart.agents.get(ANA, agent.id)
    assert (told.topic, told.feed) == (f"agent:{agent.id}", "agent:*@ana")
    assert (agent.status, agent.version, agent.config) == ("idle", 1, {"top_p": 0.5})


async def test_changes_count_the_version_and_tell_the_whole_agent(heart: Heart) -> None:
    agent = await heart.agent(model="echo")
    patched = await heart.agents.patch(ANA, agent.id, AgentChanges(name="Bea"), version=1)
    replaced = await heart.agents.replace(ANA, agent.id, AgentDraft(name="Cat"), version=2)
    await heart.published()
    assert (patched.name, patched.model, patched.version) == ("Bea", "echo", 2)
    assert (replaced.name, replaced.model, replaced.version) == ("Cat", "", 3)
    assert [event.data for event in heart.heard.of("agent_updated")] == [patched, replaced]


async def test_a_patch_of_nothing_tells_nothing(heart: Heart) -> None:
    agent = await heart.agent()
    assert await heart.agents.patch(ANA, agent.id, AgentChanges()) == agent
    await heart.published()
    assert heart.heard.names() == ["agent_created"]


async def test_a_change_of_an_older_version_is_a_conflict(heart: Heart) -> None:
    agent = await heart.agent()
    await heart.agents.patch(ANA, agent.id, AgentChanges(name="Bea"))
    sentence = f"Agent {agent.id} is at version 2, not 1: read it again, then repeat the change"
    with pytest.raises(Conflict, match=sentence):
        await heart.agents.patch(ANA, agent.id, AgentChanges(name="Cat"), version=1)
    with pytest.raises(Conflict, match=sentence):
        await heart.agents.replace(ANA, agent.id, AgentDraft(name="Cat"), version=1)
    with pytest.raises(Conflict, match=sentence):
        await heart.agents.delete(ANA, agent.id, version=1)
    assert (await heart.agents.get(ANA, agent.id)).name == "Bea"


@pytest.mark.parametrize("agent_id", [99999, 0, -1, 2**63, 10**30])
async def test_what_is_not_there_is_named(heart: Heart, agent_id: int) -> None:
    for attempt in (
        heart.agents.get(ANA, agent_id),
        heart.agents.replace(ANA, agent_id, AgentDraft(name="Ada")),
        heart.agents.patch(ANA, agent_id, AgentChanges(name="Ada")),
        heart.agents.delete(ANA, agent_id),
    ):
        with pytest.raises(NotFound) as caught:
            await attempt
        assert str(caught.value) == f"Agent {agent_id} not found"


async def test_another_owner_s_agent_does_not_exist(heart: Heart) -> None:
    agent = await heart.agent()
    for attempt in (
        heart.agents.get(BEN, agent.id),
        heart.agents.patch(BEN, agent.id, AgentChanges(name="Mine")),
        heart.agents.delete(BEN, agent.id),
    ):
        with pytest.raises(NotFound, match=f"Agent {agent.id} not found"):
            await attempt
    assert (await heart.agents.list(BEN)).items == []
    assert await heart.agents.get(ANA, agent.id) == agent


async def test_lists_page_by_cursor(heart: Heart) -> None:
    created = [await heart.agent(name=f"agent {number}") for number in range(5)]
    await heart.agent(BEN)
    first = await heart.agents.list(ANA, limit=2)
    second = await heart.agents.list(ANA, after=first.next, limit=2)
    third = await heart.agents.list(ANA, after=second.next, limit=2)
    assert first.items + second.items + third.items == created
    assert third.next is None
    assert (await heart.agents.list(ANA, after=2**70)).items == []
    assert (await heart.agents.list(ANA, after=-5)).items == created


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_the_limit_of_a_page_is_bounded(heart: Heart, limit: int) -> None:
    with pytest.raises(RequestError, match="limit must be from 1 to 500"):
        await heart.agents.list(ANA, limit=limit)


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ({"name": ""}, "invalid_message", "name must not be blank"),
        ({"name": " \n"}, "invalid_message", "name must not be blank"),
        ({"name": "x" * 201}, "too_large", "name has at most 200 characters; this one has 201"),
        ({"name": "a\0b"}, "invalid_message", "U\\+0000"),
        ({"name": "half \ud83d"}, "invalid_message", "name is not valid Unicode"),
        ({"model": "x" * 201}, "too_large", "model has at most 200"),
        ({"system_instructions": "é" * 32_769}, "too_large", "system_instructions takes at most 65536 bytes"),
        ({"task_instructions": "x" * 65_537}, "too_large", "task_instructions takes at most 65536 bytes"),
        ({"config": {"key": "x" * 65_536}}, "too_large", "config takes at most 65536 bytes"),
        ({"config": nested(40)}, "invalid_message", "more than 32 levels"),
        ({"config": nested(400)}, "invalid_message", "more than 32 levels"),
        ({"config": {"key": 10**5_000}}, "invalid_message", "cannot be written as JSON"),
        ({"config": {"key": "\ud83d"}}, "invalid_message", "cannot be written as JSON"),
        ({"config": {"key": object()}}, "invalid_message", "cannot be written as JSON"),
    ],
)
async def test_what_may_not_be_stored_is_refused_with_a_sentence(
    heart: Heart, fields: dict[str, Any], code: str, sentence: str
) -> None:
    agent = await heart.agent()
    values = {"name": "Ada", **fields}
    for attempt in (
        heart.agents.create(ANA, AgentDraft(**values)),
        heart.agents.replace(ANA, agent.id, AgentDraft(**values)),
        heart.agents.patch(ANA, agent.id, AgentChanges(**fields)),
    ):
        with pytest.raises(RequestError, match=sentence) as caught:
            await attempt
        assert caught.value.code == code
        assert caught.value.details == {"field": next(iter(fields))}
    assert (await heart.agents.list(ANA)).items == [agent]


async def test_the_largest_of_everything_is_stored_as_it_was(heart: Heart) -> None:
    draft = AgentDraft(
        name="é" * 200,
        system_instructions="x" * 65_536,
        task_instructions="é" * 32_768,
        config={"big": 10**400, "small": -(2**63), "list": [1.5, None, True, 1e300], "name": "naïve 🙂"},
    )
    agent = await heart.agents.create(ANA, draft)
    assert agent.config == draft.config
    assert await heart.agents.get(ANA, agent.id) == agent


async def test_deleting_an_agent_takes_its_threads_and_tells_each(heart: Heart) -> None:
    thread = await heart.thread()
    message = await heart.say(thread)
    other = await heart.thread()
    await heart.published()
    heart.heard.clear()
    await heart.agents.delete(ANA, thread.agent_id)
    await heart.published()
    assert heart.heard.names() == ["thread_deleted", "agent_deleted"]
    gone, agent_gone = (event.data for event in heart.heard.events)
    assert (gone.id, gone.agent_id, gone.title, gone.version) == (thread.id, thread.agent_id, "First", 2)
    assert (agent_gone.id, agent_gone.name, agent_gone.version) == (thread.agent_id, "Ada", 2)
    assert [left.id for left in (await heart.threads.list(ANA)).items] == [other.id]
    async with heart.database.reading() as rows:
        assert await rows.messages.page(thread.id, 0, 10) == []
    assert message.thread_id == thread.id


async def test_ids_are_not_used_again(heart: Heart) -> None:
    agent = await heart.agent()
    await heart.agents.delete(ANA, agent.id)
    assert (await heart.agent()).id > agent.id


async def test_deleting_an_agent_cancels_its_answers_first(heart: Heart) -> None:
    thread = await heart.thread()
    await heart.ask(thread)
    await heart.agents.delete(ANA, thread.agent_id)
    await heart.published()
    assert heart.model.closed.is_set()
    ends = [name for name in heart.heard.names() if name in {"run_finished", "thread_deleted", "agent_deleted"}]
    assert ends == ["run_finished", "thread_deleted", "agent_deleted"]


async def test_deleting_a_busy_agent_inside_a_unit_of_work_is_a_conflict(heart: Heart) -> None:
    thread = await heart.thread()
    run = await heart.ask(thread)
    async with heart.database.unit_of_work(ANA):
        with pytest.raises(Conflict, match=f"Thread {thread.id} already has run {run.id} in progress"):
            await heart.agents.delete(ANA, thread.agent_id)


async def test_a_model_that_cannot_be_here_is_refused_and_one_that_was_is_kept(heart: Heart) -> None:
    def why_not(name: str) -> str | None:
        return "There is no such model." if name == "gone" else None

    agents = AgentService(heart.database, heart.runner, why_not)
    with pytest.raises(RequestError, match="There is no such model") as refused:
        await agents.create(ANA, AgentDraft(name="Ada", model="gone"))
    assert refused.value.details == {"field": "model"}
    before = await heart.agent(model="gone")
    kept = await agents.replace(ANA, before.id, AgentDraft(name="Eve", model="gone"))
    other = await agents.patch(ANA, before.id, AgentChanges(model="other"))
    assert (kept.model, other.model) == ("gone", "other")
    with pytest.raises(RequestError, match="There is no such model"):
        await agents.patch(ANA, before.id, AgentChanges(model="gone"))
    assert await heart.agents.get(ANA, before.id) == other
