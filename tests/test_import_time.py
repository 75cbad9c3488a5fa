"""`import trunkline` is light: it needs no extra, and loads nothing that not everyone needs.

The budget is 150 ms, and no test measures it, since a busy machine would decide the outcome. To measure:

    .venv/bin/python -X importtime -c 'import trunkline' 2>&1 | sort -t'|' -k2 -n | tail
"""

import json
import subprocess
import sys

import pytest

# What is loaded already when Python starts (import hooks of the environment) is not ours.
LOADED = """
import json, sys
before = set(sys.modules)
import trunkline
print(json.dumps(sorted(set(sys.modules) - before)))
"""

HIDE_ALL_BUT = """
import importlib.abc, sys

class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in {visible!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (hidden)", name=name)
        return None

sys.meta_path.insert(0, Hide())
"""


def run_python(code: str) -> str:
    """The output of `code` in a fresh interpreter, with its error output as the failure."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_trunkline_loads_only_itself_msgspec_and_the_standard_library() -> None:
    loaded: list[str] = json.loads(run_python(LOADED))
    roots = {name.partition(".")[0] for name in loaded}
    assert "trunkline" in roots
    # msgspec looks for typing_extensions itself, and takes it where it is installed.
    extra = roots - sys.stdlib_module_names - {"trunkline", "msgspec", "typing_extensions"}
    assert not extra, f"`import trunkline` also loads {sorted(extra)}; import them where they are used"


def test_importing_trunkline_loads_neither_command_line_nor_application_nor_test_kit() -> None:
    loaded: list[str] = json.loads(run_python(LOADED))
    heavy = [name for name in loaded if name.startswith(("trunkline.agents", "trunkline.cli", "trunkline.testing"))]
    assert not heavy, f"`import trunkline` also loads {heavy}"


def test_every_public_name_is_there_with_no_extra_installed() -> None:
    code = HIDE_ALL_BUT.format(visible={"trunkline", "msgspec", "websockets"}) + (
        "import trunkline\nfor name in getattr(trunkline, '__all__', ()): getattr(trunkline, name)\n"
    )
    run_python(code)


def test_hiding_a_package_hides_it() -> None:
    code = HIDE_ALL_BUT.format(visible={"trunkline"}) + "import msgspec\n"
    with pytest.raises(AssertionError, match="No module named 'msgspec'"):
        run_python(code)
