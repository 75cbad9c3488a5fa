"""`/api/agents`."""

from fastapi import APIRouter, Response

from trunkline.agents.api.answers import Answer, answers
from trunkline.agents.api.bodies import AgentBody, AgentPatch, AgentReplacement
from trunkline.agents.api.dependencies import DEFAULT_PAGE, After, Caller, JsonRoute, Limit, PathId, Platform
from trunkline.agents.events import Agent
from trunkline.agents.services.paging import Page

router = APIRouter(prefix="/api/agents", tags=["agents"], route_class=JsonRoute)


@router.get("", responses=answers(200, Page[Agent]))
async def list_agents(platform: Platform, caller: Caller, after: After = None, limit: Limit = DEFAULT_PAGE) -> Response:
    """Agents by id, a page at a time."""
    return Answer(await platform.agents.list(caller.scope, after=after, limit=limit))


@router.post("", status_code=201, responses=answers(201, Agent, body=True))
async def create_agent(platform: Platform, caller: Caller, body: AgentBody) -> Response:
    """Create an agent."""
    return Answer(await platform.agents.create(caller.scope, body.draft()), 201)


@router.get("/{agent_id}", responses=answers(200, Agent, fails=[404]))
async def get_agent(platform: Platform, caller: Caller, agent_id: PathId) -> Response:
    """One agent."""
    return Answer(await platform.agents.get(caller.scope, agent_id))


@router.put("/{agent_id}", responses=answers(200, Agent, fails=[404, 409], body=True))
async def replace_agent(platform: Platform, caller: Caller, agent_id: PathId, body: AgentReplacement) -> Response:
    """Replace an agent's fields, all of them."""
    return Answer(await platform.agents.replace(caller.scope, agent_id, body.draft(), version=body.version))


@router.patch("/{agent_id}", responses=answers(200, Agent, fails=[404, 409], body=True))
async def patch_agent(platform: Platform, caller: Caller, agent_id: PathId, body: AgentPatch) -> Response:
    """Change some of an agent's fields."""
    return Answer(await platform.agents.patch(caller.scope, agent_id, body.changes(), version=body.version))


@router.delete("/{agent_id}", status_code=204, responses=answers(204, fails=[403, 404, 409]))
async def delete_agent(platform: Platform, caller: Caller, agent_id: PathId) -> Response:
    """Delete an agent with its threads; answers in progress are cancelled first."""
    await platform.agents.delete(caller.scope, agent_id)
    return Response(status_code=204)
