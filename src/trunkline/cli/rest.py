"""The REST interface of a server, as the commands need it; every failure is a sentence."""

import json
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from trunkline import __version__
from trunkline.cli.failures import CommandFailed
from trunkline.cli.target import Target

if TYPE_CHECKING:
    import httpx2  # loaded by those commands that ask a server

_TIMEOUT = 30.0
_PAGE = 200


class Refused(CommandFailed):
    """The server answered with an error.

    Args:
        status: of the answer.
        sentence: what the server says.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Rest:
    """Requests to one server. May be used from several threads; blocks while a request runs.

    All methods raise `CommandFailed`, and its kind `Refused` where the server answered with an error.
    """

    def __init__(self, target: Target) -> None:
        import httpx2  # noqa: PLC0415

        self._target = target
        headers = {"User-Agent": f"trunkline/{__version__}"}
        if target.token:
            headers["Authorization"] = f"Bearer {target.token}"
        # A proxy of the environment cannot reach a server on this machine.
        self._client = httpx2.Client(
            base_url=target.url, headers=headers, timeout=_TIMEOUT, trust_env=not target.is_local
        )

    def __enter__(self) -> Self:
        """Hold the connections."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """Get JSON."""
        return self._request("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: object | None = None) -> Any:
        """Post JSON and give the JSON that comes back."""
        return self._request("POST", path, json=body)

    def delete(self, path: str) -> None:
        """Delete a thing."""
        self._request("DELETE", path)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after = None
        while True:
            page = self.get(path, limit=_PAGE, after=after, **query)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        import httpx2  # noqa: PLC0415

        try:
            response = self._client.request(method, path, **arguments)
        except httpx2.ConnectError as error:
            raise unreachable(self._target) from error
        except httpx2.TimeoutException as error:
            raise CommandFailed(f"The server at {self._target.url} did not answer in {_TIMEOUT:g} s") from error
        except httpx2.HTTPError as error:
            raise CommandFailed(
                f"The request to {self._target.url} failed: {str(error) or type(error).__name__}"
            ) from error
        if response.is_success:
            return _decoded(response, self._target) if response.content else None
        raise _refusal(response, self._target)


def unreachable(target: Target) -> CommandFailed:
    """Nothing listens there."""
    how = "Start one with `trunkline serve`, or give its address with --url, or its data directory with --data-dir."
    return CommandFailed(f"No server answers at {target.url}. {how}")


def unauthorized(target: Target) -> CommandFailed:
    """The server does not know the token, or got none."""
    what = "does not take this token" if target.token else "wants its access token"
    how = "Give it with --token or TRUNKLINE_TOKEN, or name the server's data directory with --data-dir."
    return CommandFailed(f"The server at {target.url} {what}. {how}")


def _refusal(response: "httpx2.Response", target: Target) -> CommandFailed:
    if response.status_code == 401:
        return unauthorized(target)
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return CommandFailed(f"What answers at {target.url} is no Trunkline server ({response.status_code})")
    return Refused(response.status_code, str(detail))


def _decoded(response: "httpx2.Response", target: Target) -> Any:
    try:
        return response.json()
    except json.JSONDecodeError as error:
        raise CommandFailed(f"What answers at {target.url} is no Trunkline server: it sends no JSON") from error
