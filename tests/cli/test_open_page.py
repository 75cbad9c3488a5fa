"""`trunkline serve` opens the page in a browser, where there is one to show it."""

import re
from pathlib import Path

import httpx2
import pytest

from benchmarks.server_process import command
from tests.e2e.terminal import CTRL_C, Terminal
from trunkline.cli.open_page import PAGE_FILE, has_browser


def browser(tmp_path: Path) -> tuple[str, Path]:
    """A browser that notes what it was given, and the file of its notes."""
    notes = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > {notes}.part && mv {notes}.part {notes}\n')
    script.chmod(0o755)
    return f"{script} %s", notes


def serve(data_dir: Path, *flags: str, **variables: str) -> Terminal:
    flags = ("--data-dir", str(data_dir), "--port", "0", "--model", "echo", *flags)
    return Terminal(*command("serve", *flags), **variables)


def test_at_a_terminal_the_browser_gets_a_file_of_the_owner_alone_that_leads_in(tmp_path: Path) -> None:
    program, notes = browser(tmp_path)
    with serve(tmp_path / "data", BROWSER=program) as terminal:
        terminal.wait_for("Ctrl-C stops the server.")
        while not notes.exists():
            assert terminal.process.poll() is None
        page = tmp_path / "data" / PAGE_FILE
        assert notes.read_text().strip() == page.as_uri()
        assert page.stat().st_mode & 0o777 == 0o600
        link = re.search(r'href="([^"]+)"', page.read_text())
        assert link is not None
        assert httpx2.get(link[1]).status_code == 303
        terminal.press(CTRL_C)
        terminal.wait()
        assert not page.exists()


def test_it_does_not_where_it_is_told_not_to(tmp_path: Path) -> None:
    program, notes = browser(tmp_path)
    with serve(tmp_path / "data", "--no-open", BROWSER=program) as terminal:
        terminal.wait_for("Ctrl-C stops the server.")
        terminal.press(CTRL_C)
        terminal.wait()
    assert not notes.exists()
    assert not (tmp_path / "data" / PAGE_FILE).exists()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True), ({"BROWSER": "firefox"}, True)],
)
def test_on_linux_a_browser_needs_a_display(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: bool
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_browser() is expected
