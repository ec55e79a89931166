"""Which tests are left out where: of what a system does not have, and of what has no free-threaded packages.

On Linux, with the ordinary Python, none are. Elsewhere each is told of, with the reason.
"""

import ast
import inspect
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent

IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

UVLOOP = "it runs on uvloop too, which is not for Windows"
SIGNALS = "it is about signals, forks, limits and terminals as POSIX has them"
REDIS = "it starts a Redis server, of which there is none for Windows"

NOT_ON_WINDOWS = {
    "test_asyncio.py": UVLOOP,
    "test_asyncio_ends.py": UVLOOP,
    "test_process.py": SIGNALS,
    "test_process_limits.py": SIGNALS,
    "test_process_surroundings.py": SIGNALS,
    "test_progress.py": SIGNALS,
    "test_request.py": UVLOOP,
    "test_responses.py": UVLOOP,
    "test_shared_budget_faults.py": REDIS,
    "test_shared_budgets.py": REDIS,
    "test_stopped.py": SIGNALS,
}
"""Files that cannot even be imported there, or of which no test can run."""

OF_LINUX = ("/proc", "/dev/full", "PEAK_MEGABYTES", "children(", "descriptors(", "engine_threads(")
"""What the text of a test has that looks at what only Linux tells."""

OF_POSIX = (
    "os.fork",
    "os.kill",
    "killpg",
    "setrlimit",
    "mkfifo",
    "signal.",
    "send_signal",
    "/dev/",
    "unix:/",
)
"""What the text of a test has that Windows does not."""


def files():
    """The files of tests that are not imported here, with the reasons."""
    left_out = dict(NOT_ON_WINDOWS) if sys.platform == "win32" else {}
    if IS_FREE_THREADED:
        for path in HERE.glob("test_*.py"):
            if missing := ", ".join(sorted(missing_in(path))):
                left_out.setdefault(path.name, f"there is no free-threaded {missing} for this Python")
    return left_out


def reason_for(function):
    """Why a test is left out here; ``None`` where it is not."""
    if sys.platform == "linux":
        return None
    text = text_of(function)
    if any(word in text for word in OF_LINUX):
        return "it looks at what only Linux tells of a process"
    if sys.platform == "win32" and any(word in text for word in OF_POSIX):
        return SIGNALS
    return None


def text_of(function):
    """The text of a test, of the scripts that it names, and of the helpers of its own file."""
    texts = [inspect.getsource(function)]
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, str):
            texts.append(value)
        elif inspect.isfunction(value) and value.__module__ == function.__module__ and value is not function:
            texts.append(inspect.getsource(value))
    return "\n".join(texts)


def missing_in(path, seen=frozenset()):
    """What a file imports, or what it imports of ours does, and cannot be had."""
    found = set()
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        for name in imported(statement):
            own = HERE / f"{name}.py"
            if own.exists() and own not in seen:
                found |= missing_in(own, seen | {path, own})
            elif not own.exists() and find_spec(name) is None:
                found.add(name)
    return found


def imported(statement):
    """The names of the packages that a statement imports."""
    if isinstance(statement, ast.Import):
        return [alias.name.partition(".")[0] for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        return [statement.module.partition(".")[0]]
    return []
