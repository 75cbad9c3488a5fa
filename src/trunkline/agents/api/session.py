"""`/api/session`: who asks; and logging out."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from trunkline.agents.api.answers import Answer, Session, answers
from trunkline.agents.api.dependencies import Caller, Platform

router = APIRouter()


@router.get("/api/session", tags=["session"], responses=answers(200, Session))
async def get_session(platform: Platform, caller: Caller) -> Response:
    """Who asks, and until when; 401 tells a page that it has to log in again."""
    return Answer(Session(caller.id, _rfc3339(caller.expires_at), platform.access.is_open))


@router.post("/logout", include_in_schema=False)
async def log_out(platform: Platform) -> Response:
    """Have the browser forget its session. Whoever has none is told the same.

    A copy of the cookie would hold until it runs out; deleting the token file ends all sessions at the next start.
    """
    response = Response(status_code=204, headers={"Cache-Control": "no-store"})
    response.delete_cookie(platform.access.cookie, path="/", httponly=True, samesite="strict")
    return response


def _rfc3339(unix_seconds: float | None) -> str | None:
    if unix_seconds is None:
        return None
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
