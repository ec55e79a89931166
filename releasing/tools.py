"""An environment with the pinned tools that releases are built with, made when it is first wanted."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPOSITORY / "requirements-release.txt"
FOLDER = REPOSITORY / ".venv-release"


def binaries(environment: Path) -> Path:
    """Where an environment has its programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return binaries(environment) / ("python.exe" if os.name == "nt" else "python")


def run(*command: object, **options: object) -> None:
    """Runs a command, and shows it. Ends this program with its code where it fails."""
    print("+", *command, flush=True)
    done = subprocess.run([str(part) for part in command], check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.exit(done.returncode)


def make_environment(folder: Path, python: str, requirements: list[Path]) -> None:
    """An environment of an interpreter with what is pinned in some files, and nothing else."""
    if python == sys.executable:
        venv.create(folder, with_pip=True, clear=True)
    else:
        run(python, "-m", "venv", "--clear", folder)
    wanted = [argument for path in requirements for argument in ("--requirement", path)]
    if wanted:
        run(python_of(folder), "-m", "pip", "install", "--quiet", "--no-deps", *wanted)


def environment() -> Path:
    """That of the tools, made anew once what is pinned has changed."""
    stamp = FOLDER / ".installed"
    if not stamp.exists() or stamp.read_bytes() != REQUIREMENTS.read_bytes():
        make_environment(FOLDER, sys.executable, [REQUIREMENTS])
        stamp.write_bytes(REQUIREMENTS.read_bytes())
    return FOLDER


def surroundings() -> dict[str, str]:
    """The environment variables with which the tools are found."""
    path = os.pathsep.join([str(binaries(environment())), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(environment())}
