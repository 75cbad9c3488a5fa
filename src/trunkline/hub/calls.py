"""Methods that clients may call over the line."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import msgspec

from trunkline.brokers.base import Published
from trunkline.errors import NotFound, RequestError
from trunkline.handler_watch import HandlerWatch
from trunkline.hub.access import Principal


@dataclass(slots=True)
class CallContext:
    """One call: who calls, under which idempotency key, and the events it produced, for the reply's `positions`."""

    principal: Principal
    method: str
    key: str | None
    published: list[Published] = field(default_factory=list)


CallHandler = Callable[[CallContext, Any], Awaitable[object]]
"""Takes the context and the typed parameters; returns the JSON-encodable result. Raises RequestError to refuse."""


class CallRegistry:
    """Finds the handler of a method and checks its parameters against the handler's annotation."""

    def __init__(self, watch: HandlerWatch | None = None) -> None:
        self._watch = watch or HandlerWatch()
        self._handlers: dict[str, tuple[CallHandler, Any]] = {}

    def add(self, method: str, handler: CallHandler) -> None:
        """Declare a method; the annotation of the handler's second parameter is the type of `params`.

        Raises:
            TypeError: the handler cannot be called with a context and parameters.
        """
        signature = inspect.signature(handler)
        try:
            _, params = signature.bind(None, None).arguments
        except (TypeError, ValueError):
            sentence = f"The handler of the call {method!r} takes {signature}; it is called with context and params"
            raise TypeError(sentence) from None
        self._handlers[method] = (handler, get_type_hints(handler).get(params, dict[str, Any]))

    async def invoke(self, context: CallContext, params: dict[str, Any]) -> object:
        """Run a method.

        Raises:
            NotFound: there is no such method.
            RequestError: the parameters are not of the method's type, or the handler refused.
        """
        found = self._handlers.get(context.method)
        if found is None:
            raise NotFound("Method", context.method[:80])
        handler, type_ = found
        try:
            typed = msgspec.convert(params, type_)
        except msgspec.ValidationError as error:
            raise RequestError(f"Invalid params for {context.method}: {error}") from error
        return await self._watch.run("Call handler", handler, context, typed)
