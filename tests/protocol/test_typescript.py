"""The TypeScript client's generated files are what the message types and codes say now. Needs no Node."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.codes import CloseCode, ErrorCode, may_reconnect
from trunkline.protocol.codec import CLIENT_TYPES, CONTROL_TYPES
from trunkline.protocol.typescript import TARGETS, render_codes, render_messages

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", TARGETS)
def test_the_committed_file_is_what_is_generated_now(target: str) -> None:
    assert (ROOT / target).read_text("utf-8") == TARGETS[target](), "run `make gen`"


def test_the_module_writes_the_files(tmp_path: Path) -> None:
    for target in TARGETS:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "trunkline.protocol.typescript", str(tmp_path)], check=True)
    for target, render in TARGETS.items():
        assert (tmp_path / target).read_text("utf-8") == render()


def test_every_message_has_its_type() -> None:
    assert set(re.findall(r'readonly type: "(\w+)"', render_messages())) == CLIENT_TYPES | CONTROL_TYPES


def test_every_code_is_there_and_the_ranges_say_which_end_a_line() -> None:
    text = render_codes()
    assert all(f'"{code}"' in text for code in ErrorCode)
    assert all(f"export const {code.name} = {int(code)};\n" in text and code.sentence in text for code in CloseCode)
    _, _, table = text.partition("const TERMINAL = ")
    ranges = [(int(first), int(last)) for first, last in re.findall(r"\[(\d+), (\d+)\]", table.partition(";")[0])]
    for code in range(1000, 5000):
        assert may_reconnect(code) is not any(first <= code <= last for first, last in ranges)
