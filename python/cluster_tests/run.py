"""Runs the tests on each engine: an environment for each, a process for each, and a time limit for each.

``run.py [ENGINE ...]``, all of them by default. Nothing but Python and the extension that ``make build`` has
built need be there: environments are made in ``.venv-clusters``, from ``requirements-clusters``.
"""

import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENGINES = ("daft", "dask", "ray", "spark")
LONGEST_INSTALL = 540
LONGEST_TESTS = 300
JAVA = 17
"""The oldest Java that Spark 4 runs on."""


def main(names):
    for name in names:
        if name not in ENGINES:
            sys.exit(f"there is no engine {name!r}: there are {', '.join(ENGINES)}")
    # Said before minutes are spent on what is in vain.
    if "spark" in names and (missing := without_java()):
        sys.exit(missing)
    begun = time.monotonic()
    with ThreadPoolExecutor(len(names)) as pool:
        failures = [failure for failure in pool.map(installed, names) if failure]
    if failures:
        sys.exit("\n".join(failures))
    print(f"the environments are there after {time.monotonic() - begun:.0f} s", flush=True)
    failed = [name for name in names if not passes(name)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def without_java():
    """What is missing for Spark, if anything is."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    install = f"install it, for instance with: apt-get install openjdk-{JAVA}-jre-headless"
    try:
        said = subprocess.run([java or "java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        return f"Spark needs Java {JAVA} or later, and there is none ({error}); {install}"
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version and int(version[1]) < JAVA:
        return f"Spark needs Java {JAVA} or later, and {java} is {version[1]}; {install}"
    return None


def installed(name):
    """Makes the environment of an engine, unless it is there as it should be. Gives why it could not."""
    folder, wanted = environment(name), ROOT / "requirements-clusters" / f"{name}.txt"
    stamp, content = folder / ".installed", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == content:
        return None
    venv.create(folder, clear=True, with_pip=True)
    command = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--requirement",
        wanted,
    ]
    try:
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST_INSTALL)
    except subprocess.TimeoutExpired:
        return f"{name}: no end of {' '.join(command)} within {LONGEST_INSTALL} s"
    except subprocess.CalledProcessError as error:
        return f"{name}: {' '.join(command)} ended with {error.returncode}\n{error.stdout}{error.stderr}"
    # The package as it is in the checkout, and the extension that was built there, which any Python can load.
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "patata.pth").write_text(f"{ROOT / 'python'}\n")
    stamp.write_text(content)
    return None


def passes(name):
    """Whether the tests on an engine pass, within their time."""
    print(f"== {name}", flush=True)
    options = ["-q", "-ra", "-p", "no:cacheprovider", "-c", HERE / "pytest.ini", "--durations=5"]
    command = [environment(name) / "bin" / "python", "-m", "pytest", *options, HERE / f"test_{name}.py"]
    begun = time.monotonic()
    status = limited(command, LONGEST_TESTS)
    ended = "passed" if status == 0 else f"ended with {status}"
    print(f"== {name}: {ended} after {time.monotonic() - begun:.0f} s", flush=True)
    return status == 0


def environment(name):
    """The folder of an engine's environment."""
    return ROOT / ".venv-clusters" / name


def limited(command, seconds):
    """The exit status of a command, and the end of all that it has started, at the latest after so long.

    A cluster is many processes, some of which leave the group and the session of who started them.
    """
    adopt_orphans()
    process = subprocess.Popen([*map(str, command)], cwd=HERE)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        # It tells where it was.
        process.send_signal(signal.SIGABRT)
        return f"no end within {seconds} s"
    finally:
        end_descendants()


def adopt_orphans():
    """Makes processes whose parent has ended children of this one."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot adopt orphans")


def end_descendants():
    """Ends all processes that come from this one, and waits for them."""
    deadline = time.monotonic() + 20
    while (found := children_of(os.getpid())) and time.monotonic() < deadline:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)


def children_of(process):
    """The ids of a process's children: what these have started comes to it when they have ended."""
    found = []
    for path in Path("/proc").iterdir():
        # A process may end while it is looked at.
        with suppress(OSError):
            if (
                path.name.isdigit()
                and int((path / "stat").read_text().rpartition(")")[2].split()[1]) == process
            ):
                found.append(int(path.name))
    return found


if __name__ == "__main__":
    main(sys.argv[1:] or list(ENGINES))
