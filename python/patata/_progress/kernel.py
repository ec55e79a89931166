"""Whether this process is the kernel of a notebook. IPython is only looked at where it runs already."""

from __future__ import annotations

import os
import sys
from typing import Any


def shell_of_notebook() -> Any:
    """IPython's shell, if this process is the kernel of a notebook; else ``None``."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if hasattr(ipython, "get_ipython") else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    # The child of a fork has the shell, and nobody who listens to it.
    session = getattr(kernel, "session", None)
    return shell if getattr(session, "pid", os.getpid()) == os.getpid() else None
