"""The program ``patata``, also as ``python -m patata``."""

from __future__ import annotations

import signal
import sys

from patata import _patata


def main() -> int:
    """Does what the arguments of this process say, and gives what it should end with."""
    # The program hears Ctrl-C itself: the interpreter would only raise once it is over.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _patata.program(["patata", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
