"""What the web console's TypeScript is made from: the vocabulary of the line, and the OpenAPI document.

Run as a module it writes the files that `TARGETS` lists (`make gen`).
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints

from trunkline import EventType, typescript_interfaces
from trunkline.agents import events
from trunkline.agents.api.application import create_app
from trunkline.agents.calls import HANDLERS
from trunkline.agents.settings import Settings
from trunkline.agents.snapshots import PROVIDERS
from trunkline.agents.system_status import STATUS_SNAPSHOT, SystemState

_HEADER: Final = "// Made from src/trunkline/agents by `make gen`; change it there.\n"
_MAPS: Final = {"agent": "AgentEvents", "thread": "ThreadEvents", "system": "SystemEvents"}


def render_vocabulary() -> str:
    """Interfaces of all that travels, and maps: event types to data, snapshot types to data, methods to both sides."""
    snapshots = {kind: get_type_hints(provider)["return"] for kind, provider in PROVIDERS.values()}
    snapshots[STATUS_SNAPSHOT] = SystemState
    calls = {method: _sides(handler) for method, handler in HANDLERS.items()}
    by_map: dict[str, dict[str, type]] = {title: {} for title in _MAPS.values()}
    for event_type in _event_types():
        by_map[_MAPS[event_type.pattern.namespace]][event_type.name] = event_type.data
    used = [*snapshots.values(), *(side for sides in calls.values() for side in sides)]
    used += [data for table in by_map.values() for data in table.values()]
    return "\n".join(
        [
            _HEADER,
            typescript_interfaces(sorted(set(used), key=lambda type_: type_.__name__)),
            *(_map(title, f"Events of `{space}` topics by type.", by_map[title]) for space, title in _MAPS.items()),
            _map("Snapshots", "Data of snapshots by type.", snapshots),
            _calls(calls),
        ]
    )


def _event_types() -> Iterable[EventType[Any]]:
    return (value for _, value in sorted(vars(events).items()) if isinstance(value, EventType))


def _sides(handler: Callable[..., object]) -> tuple[type, type]:
    hints = get_type_hints(handler)
    return hints["params"], hints["return"]


def _map(title: str, summary: str, table: Mapping[str, type]) -> str:
    lines = [f"  readonly {name}: {type_.__name__};" for name, type_ in table.items()]
    return "\n".join([f"/** {summary} */", f"export interface {title} {{", *lines, "}\n"])


def _calls(calls: Mapping[str, tuple[type, type]]) -> str:
    lines = [
        f'  readonly "{method}": {{ readonly params: {params.__name__}; readonly result: {result.__name__} }};'
        for method, (params, result) in calls.items()
    ]
    return "\n".join(["/** Methods of `call` by name. */", "export interface Calls {", *lines, "}\n"])


def render_openapi() -> str:
    """The OpenAPI document as the text of its file."""
    document = create_app(Settings.model_construct()).openapi()
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


TARGETS: Final[Mapping[str, Callable[[], str]]] = {
    "web/console/src/generated/agents.ts": render_vocabulary,
    "spec/openapi.json": render_openapi,
}

if __name__ == "__main__":
    for target, render in TARGETS.items():
        path = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")
