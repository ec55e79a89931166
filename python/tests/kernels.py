"""A real Jupyter kernel: cells are run in it, and interrupted as a front end does that."""

import time
from dataclasses import dataclass, field

from jupyter_client.manager import KernelManager

LONGEST = 60
"""Seconds after which a cell is taken to hang."""


@dataclass
class Cell:
    """What has come of a cell."""

    id: str
    displays: list = field(default_factory=list)
    """What was shown, by display id where there is one: each the last bundle of its kind."""
    updates: list = field(default_factory=list)
    """All bundles that were shown anew, in their order."""
    streams: dict = field(default_factory=lambda: {"stdout": "", "stderr": ""})
    error: tuple = ()
    result: dict = field(default_factory=dict)
    seconds: float = 0.0
    """From the interrupt to the end, where it was interrupted."""

    @property
    def out(self):
        return self.streams["stdout"]


class Kernel:
    """A kernel with cells, which are run one after another."""

    def __enter__(self):
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=LONGEST)
        self.shown = {}
        """What stands in the notebook now, by display id."""
        self.ids = {}
        return self

    def __exit__(self, *_):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()

    def run(self, source, interrupt_after=None, is_ready=None):
        """Runs a cell, and interrupts it so many seconds after its begin, or once it has printed a text."""
        cell = Cell(self._client.execute(source))
        begun, interrupted = time.monotonic(), None
        while True:
            wait = 0.02 if interrupted is None and interrupt_after is not None else LONGEST
            message = self._next(wait)
            if interrupted is None and interrupt_after is not None:
                is_due = time.monotonic() - begun > interrupt_after
                if is_due if is_ready is None else is_ready in cell.out:
                    interrupted = time.monotonic()
                    self._manager.interrupt_kernel()
            if message is not None and self._note(cell, message):
                break
            assert time.monotonic() - begun < LONGEST, "the cell hangs"
        if interrupted is not None:
            cell.seconds = time.monotonic() - interrupted
        self._client.get_shell_msg(timeout=LONGEST)
        return cell

    def watch(self, seconds):
        """What is shown anew in so many seconds while no cell runs."""
        cell, until = Cell(""), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if (message := self._next(left)) is not None:
                self._note(cell, message)
        return cell.updates

    def _next(self, timeout):
        from queue import Empty

        try:
            return self._client.get_iopub_msg(timeout=timeout)
        except Empty:
            return None

    def _note(self, cell, message):
        """Takes what the kernel says. Gives whether the cell is over."""
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):
            id_ = content["transient"].get("display_id")
            if kind == "display_data":
                cell.displays.append(id_)
            else:
                cell.updates.append(content["data"])
            self.shown[id_] = content["data"]
        if message["parent_header"].get("msg_id") != cell.id:
            return False
        if kind == "stream":
            cell.streams[content["name"]] += content["text"]
        elif kind == "error":
            cell.error = content["ename"], content["evalue"]
        elif kind == "execute_result":
            cell.result = content["data"]
        return kind == "status" and content["execution_state"] == "idle"
