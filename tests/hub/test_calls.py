from typing import Any

import msgspec
import pytest

from trunkline.codes import ErrorCode
from trunkline.errors import NotFound, RequestError
from trunkline.hub.access import Principal
from trunkline.hub.calls import CallContext, CallRegistry


class Move(msgspec.Struct, frozen=True):
    x: int
    y: int = 0


class Board:
    async def move(self, context: CallContext, params: Move) -> tuple[str, int, int]:
        return (context.method, params.x, params.y)


async def echo(_context: CallContext, params: dict[str, Any]) -> object:
    return params


async def loose(_context: CallContext, params) -> object:  # type: ignore[no-untyped-def]
    return params


def context(method: str) -> CallContext:
    return CallContext(Principal("ann"), method, None)


@pytest.fixture
def calls() -> CallRegistry:
    calls = CallRegistry()
    calls.add("move", Board().move)
    calls.add("echo", echo)
    calls.add("loose", loose)
    return calls


async def test_parameters_are_of_the_handler_s_type(calls: CallRegistry) -> None:
    assert await calls.invoke(context("move"), {"x": 3}) == ("move", 3, 0)
    assert await calls.invoke(context("echo"), {"any": [1]}) == {"any": [1]}
    assert await calls.invoke(context("loose"), {"any": [1]}) == {"any": [1]}


@pytest.mark.parametrize("params", [{}, {"x": "3"}, {"x": 1.5}, {"x": None}])
async def test_parameters_of_another_type_are_explained(calls: CallRegistry, params: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"Invalid params for move: .*x") as caught:
        await calls.invoke(context("move"), params)
    assert caught.value.code is ErrorCode.INVALID_MESSAGE


async def test_an_unknown_method_is_named_shortly(calls: CallRegistry) -> None:
    with pytest.raises(NotFound, match="Method fly not found"):
        await calls.invoke(context("fly"), {})
    with pytest.raises(NotFound) as caught:
        await calls.invoke(context("x" * 10_000), {})
    assert len(str(caught.value)) < 110


@pytest.mark.parametrize("handler", [lambda: None, lambda _context: None, lambda _context, _a, _b: None])
def test_a_handler_that_does_not_take_context_and_params_is_refused_where_it_is_declared(handler: Any) -> None:
    with pytest.raises(TypeError, match=r"The handler of the call 'ping' takes \(.*\); it is called with context and"):
        CallRegistry().add("ping", handler)
