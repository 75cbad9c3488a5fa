"""What the documentation shows is what there is: README code stands in the examples, and docs' Python runs."""

import re
from pathlib import Path

import pytest

from trunkline import EventType

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
FROM_EXAMPLE = re.compile(r"<!-- (examples/\S+) -->\n```python\n(.*?)```", re.DOTALL)
PAGE_FROM_EXAMPLE = re.compile(r"<!-- (\S+\.html) -->\n```html\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")

PAGES = [path.relative_to(ROOT) for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]]


def test_readme_code_is_quoted_from_the_examples() -> None:
    readme = (ROOT / "README.md").read_text()
    quoted = FROM_EXAMPLE.findall(readme)
    assert len(quoted) == len(PYTHON.findall(readme)) > 0
    for name, code in quoted:
        assert code in (ROOT / name).read_text(), f"README quotes {name} and the file says otherwise"


def test_the_page_of_the_browser_guide_is_the_example_that_is_opened_in_a_browser() -> None:
    [(name, page)] = PAGE_FROM_EXAMPLE.findall((ROOT / "docs" / "browser.md").read_text())
    assert page == (ROOT / name).read_text()


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=str)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventType, "_registry", {})
    namespace: dict[str, object] = {"__name__": f"docs.{page.stem}"}
    for code in PYTHON.findall((ROOT / page).read_text()):
        exec(compile(code, str(page), "exec"), namespace)


def test_the_tests_that_the_testing_page_shows_pass(pytester: pytest.Pytester) -> None:
    code = "\n\n".join(PYTHON.findall((ROOT / "docs" / "testing.md").read_text()))
    pytester.makepyfile(code)
    how = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function")
    result = pytester.runpytest_subprocess("-W", "error", *(f"--override-ini={setting}" for setting in how))
    result.assert_outcomes(passed=code.count("async def test_"))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = LINK.findall((ROOT / page).read_text())
    missing = [target for target in targets if not (ROOT / page.parent / target).exists()]
    assert missing == []
