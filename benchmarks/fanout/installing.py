"""Installing peers from package registries, at pinned versions, into a folder that git ignores."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.fanout.generator import BUILD

_PATIENCE = 900.0


class NotInstalledError(Exception):
    """A peer cannot be installed here; the sentence says why."""


def run(command: Sequence[str], *, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Run a step of an installation, its words in `install.log`.

    Raises:
        NotInstalledError: the program is missing, or it fails.
    """
    log = BUILD / "logs" / "install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if shutil.which(command[0]) is None:
        raise NotInstalledError(f"{command[0]} is not there")
    with log.open("ab") as output:
        try:
            subprocess.run(
                command, cwd=folder, env={**os.environ, **(environment or {})}, check=True, timeout=_PATIENCE,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise NotInstalledError(f"`{' '.join(command[:3])} …` failed; see {log}") from error


def _once(folder: Path, packages: Mapping[str, str]) -> bool:
    """Tell whether the folder still lacks these packages; one made for others is emptied."""
    if (folder / ".installed").exists() and (folder / ".installed").read_text() == repr(packages):
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return True


def _done(folder: Path, packages: Mapping[str, str]) -> None:
    (folder / ".installed").write_text(repr(packages))


def npm(name: str, packages: Mapping[str, str]) -> dict[str, str]:
    """Install packages of the npm registry; they are then at `node_modules(name)`."""
    folder = BUILD / name
    if _once(folder, packages):
        (folder / "package.json").write_text('{"private": true}')
        wanted = [f"{package}@{version}" for package, version in packages.items()]
        run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *wanted], folder=folder)
        _done(folder, packages)
    return dict(packages)


def node_modules(name: str) -> str:
    """Where `npm` has put a peer's packages."""
    return str(BUILD / name / "node_modules")


def pip(name: str, packages: Mapping[str, str]) -> dict[str, str]:
    """Install packages of the Python index into an environment of their own, at `python(name)`."""
    folder = BUILD / name
    if _once(folder, packages):
        run([sys.executable, "-m", "venv", str(folder)])
        wanted = [f"{package}=={version}" for package, version in packages.items()]
        run([python(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        _done(folder, packages)
    return dict(packages)


def python(name: str) -> str:
    """The interpreter of the environment that `pip` made."""
    return str(BUILD / name / "bin" / "python")


def apt(packages: Sequence[str]) -> dict[str, str]:
    """Install Debian packages, if this is Debian and we are root; return their versions."""
    if shutil.which("dpkg-query") is None:
        raise NotInstalledError("it comes from a Debian package, and this is not Debian")
    if not all(_debian_version(package) for package in packages):
        if os.geteuid():
            raise NotInstalledError(f"it needs root: apt-get install {' '.join(packages)}")
        run(["apt-get", "install", "--yes", "--no-install-recommends", *packages], environment={"RUNLEVEL": "1"})
    return {package: _debian_version(package) for package in packages}


def _debian_version(package: str) -> str:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}", package]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    status, _, version = done.stdout.partition(" ")
    return version if status == "ii" else ""


def go(name: str, module: str, version: str) -> dict[str, str]:
    """Build a Go program from the module proxy; it is then in `BUILD / name / "bin"`."""
    folder = BUILD / name
    if _once(folder, {module: version}):
        run(["go", "install", f"{module}@{version}"], environment={"GOBIN": str(folder / "bin"), "GOFLAGS": "-mod=mod"})
        _done(folder, {module: version})
    return {module: version}
