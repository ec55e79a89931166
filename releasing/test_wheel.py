"""Passes every test against a wheel that is installed in an environment of its own, not against the checkout.

``test_wheel.py PYTHON...`` takes each of these interpreters, and from ``dist`` the wheel that fits it. What
is left after ``--`` goes to pytest. ``--smoke`` only imports it, sends requests with it and runs its program,
with no other packages than it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import tools

TOLD = """
import json, sys, sysconfig
from importlib.util import find_spec
print(json.dumps({
    "name": "cp%d%d%s" % (*sys.version_info[:2], "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""

SMOKE = """
import sys, sysconfig
import patata
from patata import testing

with testing.Server() as server, patata.Patata(verbose=False) as client:
    response = client.get(server.url)
    assert response.status_code == 200, response
    assert response.json() == {"message": "Hello world!"}, response
    assert sum(one.ok for one in client.http("get", ((id_, server.url) for id_ in range(1_000)))) == 1_000
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    assert not sys._is_gil_enabled(), "patata has turned the lock on"
print(patata.__version__, patata.__file__, "on", sys.version)
"""


def told_by(python: str) -> dict[str, object]:
    """What an interpreter is."""
    told = subprocess.run([python, "-c", TOLD], capture_output=True, text=True, check=True).stdout
    return json.loads(told)


def fitting(wheels: Path, about: dict[str, object]) -> Path:
    """The newest wheel in a folder for an interpreter: that of the stable ABI, or its own."""
    pattern = f"patata-*-{about['name']}-*.whl" if about["free_threaded"] else "patata-*-abi3-*.whl"
    found = sorted(wheels.glob(pattern), key=lambda wheel: wheel.stat().st_mtime)
    if not found:
        sys.exit(f"{wheels} has no wheel {pattern}; releasing/wheel.py builds one")
    return found[-1]


def install(python: str, wheels: Path, *, is_smoke: bool) -> Path:
    """An environment with a wheel, and what the tests need. Gives its interpreter."""
    about = told_by(python)
    folder = tools.REPOSITORY / "target" / "wheels-tested" / str(about["name"])
    kind = "-free-threaded" if about["free_threaded"] else "-dev"
    tools.make_environment(folder, python, [] if is_smoke else [tools.REPOSITORY / f"requirements{kind}.txt"])
    wanted = ["install", "--quiet", "--force-reinstall", *([] if is_smoke else ["--no-deps"])]
    tools.run(tools.python_of(folder), "-m", "pip", *wanted, fitting(wheels, about))
    return tools.python_of(folder)


def main() -> None:
    own, _, others = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--wheels", type=Path, default=tools.REPOSITORY / "dist", help="the folder with wheels"
    )
    parser.add_argument("--smoke", action="store_true", help="only import it and send requests")
    parser.add_argument("pythons", nargs="+", help="interpreters")
    arguments = parser.parse_args(own.split())
    for given in arguments.pythons:
        python = install(given, arguments.wheels.resolve(), is_smoke=arguments.smoke)
        # Not from the checkout, whose folders are looked into first where Python is started in them.
        tools.run(python, "-I", "-c", SMOKE, cwd=tools.REPOSITORY / "target")
        tools.run(python, "-I", "-m", "patata", "--version", cwd=tools.REPOSITORY / "target")
        if not arguments.smoke:
            surroundings = {**os.environ, "PATATA_TESTED": str(python.parent.parent)}
            tools.run(python, "-m", "pytest", *others.split(), cwd=tools.REPOSITORY, env=surroundings)


if __name__ == "__main__":
    main()
