"""What the console's TypeScript is made from is what the code says now. Needs no Node."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from trunkline import EventType
from trunkline.agents import events
from trunkline.agents.api.generated import TARGETS, render_openapi, render_vocabulary
from trunkline.agents.calls import HANDLERS
from trunkline.agents.events import Message
from trunkline.agents.snapshots import PROVIDERS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", TARGETS)
def test_the_committed_file_is_what_is_generated_now(target: str) -> None:
    assert (ROOT / target).read_text("utf-8") == TARGETS[target](), "run `make gen`"


def test_the_module_writes_the_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "trunkline.agents.api.generated", str(tmp_path)], check=True)
    for target, render in TARGETS.items():
        assert (tmp_path / target).read_text("utf-8") == render()


def table(title: str) -> dict[str, str]:
    """The fields of a generated interface, and their types."""
    _, _, rest = render_vocabulary().partition(f"export interface {title} {{\n")
    return dict(re.findall(r'^  readonly ("?[\w.]+"?)\??: (.*);$', rest.partition("\n}")[0], re.MULTILINE))


def test_every_event_type_is_in_the_map_of_its_namespace() -> None:
    declared = [value for value in vars(events).values() if isinstance(value, EventType)]
    for namespace, title in (("agent", "AgentEvents"), ("thread", "ThreadEvents"), ("system", "SystemEvents")):
        of_namespace = [each for each in declared if each.pattern.namespace == namespace]
        assert of_namespace
        assert table(title) == {each.name: each.data.__name__ for each in of_namespace}


def test_every_snapshot_has_the_type_that_its_provider_returns() -> None:
    snapshots = table("Snapshots")
    for kind, provider in PROVIDERS.values():
        assert snapshots[kind] == get_type_hints(provider)["return"].__name__


def test_every_method_has_its_params_and_result() -> None:
    assert table("Calls").keys() == {f'"{method}"' for method in HANDLERS}
    assert table("Calls")['"thread.resend"'] == "{ readonly params: ResendParams; readonly result: Resent }"


def test_every_name_that_is_used_is_declared() -> None:
    text = render_vocabulary()
    declared = set(re.findall(r"^export interface (\w+)", text, re.MULTILINE))
    used = set(re.findall(r"(?::|\||\() ?(?:readonly )?([A-Z]\w+)", re.sub(r"/\*\*.*?\*/", "", text)))
    assert used <= declared | {"Record"}


def test_a_struct_s_fields_are_those_of_its_interface() -> None:
    fields = table("Message")
    assert fields.keys() == set(Message.__struct_fields__)
    assert fields["role"] == '"assistant" | "system" | "user"'
    assert table("SystemSample")["latency_p50"] == "number | null"


def test_the_document_names_every_body_and_answer() -> None:
    document = json.loads(render_openapi())
    assert {"Agent", "Session", "Resent", "ModelInfo", "Problem"} <= document["components"]["schemas"].keys()
