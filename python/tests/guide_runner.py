"""Runs the blocks of one page, one after another in this folder: ``python guide_runner.py BLOCKS.json``.

What each has printed goes to ``N.out`` and ``N.err`` beside the file of blocks.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def redirected(out, err):
    """Everything that is printed goes to these files, also by extensions and children."""
    with out.open("wb") as to_out, err.open("wb") as to_err:
        kept = [os.dup(1), os.dup(2)]
        os.dup2(to_out.fileno(), 1)
        os.dup2(to_err.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, own in enumerate(kept, 1):
                os.dup2(own, number)
                os.close(own)


def main():
    """Runs them all, and ends with the first that fails."""
    listed = Path(sys.argv[1])
    module = sys.modules["__main__"].__dict__
    for number, block in enumerate(json.loads(listed.read_text())):
        with redirected(listed.with_name(f"{number}.out"), listed.with_name(f"{number}.err")):
            if block["language"] == "python":
                # The lines of a traceback are those of the page.
                exec(compile("\n" * block["line"] + block["code"], block["page"], "exec"), module)
            else:
                subprocess.run(["bash", "-euo", "pipefail", "-c", block["code"]], check=True)


if __name__ == "__main__":
    main()
