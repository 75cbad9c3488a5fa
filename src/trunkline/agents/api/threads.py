"""`/api/threads` and what is under it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from trunkline.agents.api.answers import Answer, RunAccepted, answers
from trunkline.agents.api.bodies import MAX_ID, MessageBody, ResendBody, ThreadBody, ThreadPatch, ThreadReplacement
from trunkline.agents.api.dependencies import DEFAULT_PAGE, After, Before, Caller, JsonRoute, Limit, PathId, Platform
from trunkline.agents.events import Message, Thread
from trunkline.agents.services import Resent
from trunkline.agents.services.paging import Page

router = APIRouter(prefix="/api/threads", tags=["threads"], route_class=JsonRoute)

OfAgent = Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only threads of this agent.")]


@router.get("", responses=answers(200, Page[Thread]))
async def list_threads(
    platform: Platform, caller: Caller, agent_id: OfAgent = None, after: After = None, limit: Limit = DEFAULT_PAGE
) -> Response:
    """Threads by id, a page at a time."""
    return Answer(await platform.threads.list(caller.scope, agent_id=agent_id, after=after, limit=limit))


@router.post("", status_code=201, responses=answers(201, Thread, fails=[404], body=True))
async def create_thread(platform: Platform, caller: Caller, body: ThreadBody) -> Response:
    """Create a thread with an agent."""
    return Answer(await platform.threads.create(caller.scope, body.draft()), 201)


@router.get("/{thread_id}", responses=answers(200, Thread, fails=[404]))
async def get_thread(platform: Platform, caller: Caller, thread_id: PathId) -> Response:
    """One thread."""
    return Answer(await platform.threads.get(caller.scope, thread_id))


@router.put("/{thread_id}", responses=answers(200, Thread, fails=[404, 409], body=True))
async def replace_thread(platform: Platform, caller: Caller, thread_id: PathId, body: ThreadReplacement) -> Response:
    """Replace a thread's fields, all of them; its agent stays."""
    return Answer(await platform.threads.replace(caller.scope, thread_id, body.draft(), version=body.version))


@router.patch("/{thread_id}", responses=answers(200, Thread, fails=[404, 409], body=True))
async def patch_thread(platform: Platform, caller: Caller, thread_id: PathId, body: ThreadPatch) -> Response:
    """Change some of a thread's fields."""
    return Answer(await platform.threads.patch(caller.scope, thread_id, body.changes(), version=body.version))


@router.delete("/{thread_id}", status_code=204, responses=answers(204, fails=[403, 404, 409]))
async def delete_thread(platform: Platform, caller: Caller, thread_id: PathId) -> Response:
    """Delete a thread with its messages; an answer in progress is cancelled first."""
    await platform.threads.delete(caller.scope, thread_id)
    return Response(status_code=204)


@router.get("/{thread_id}/messages", responses=answers(200, Page[Message], fails=[404]))
async def list_messages(
    platform: Platform,
    caller: Caller,
    thread_id: PathId,
    after: After = None,
    before: Before = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """The messages of a thread by id, a page at a time, without an answer that is still being written."""
    page = await platform.threads.messages(caller.scope, thread_id, after=after, before=before, limit=limit)
    return Answer(page)


@router.post("/{thread_id}/messages", status_code=201, responses=answers(201, Message, fails=[404], body=True))
async def add_message(platform: Platform, caller: Caller, thread_id: PathId, body: MessageBody) -> Response:
    """Add a user's message to a thread. It is answered by a run."""
    return Answer(await platform.threads.add_message(caller.scope, thread_id, body.draft()), 201)


@router.post(
    "/{thread_id}/messages/{message_id}/resend",
    status_code=202,
    responses=answers(202, Resent, fails=[404, 409], body=True),
)
async def resend_message(
    platform: Platform, caller: Caller, thread_id: PathId, message_id: PathId, body: ResendBody
) -> Response:
    """Have a user's message answered anew, edited or as it is; what the thread has after it is deleted."""
    return Answer(await platform.chat.resend(caller.scope, thread_id, message_id, body.resend()), 202)


@router.post("/{thread_id}/run", status_code=202, responses=answers(202, RunAccepted, fails=[403, 404, 409]))
async def run_thread(platform: Platform, caller: Caller, thread_id: PathId) -> Response:
    """Have the thread's last message answered."""
    run = await platform.runner.submit(caller.scope, thread_id)
    return Answer(RunAccepted(run.id), 202)
