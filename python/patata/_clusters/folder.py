"""The run folder of a fetch that many workers have a part in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patata import _options, _patata
from patata.run_folder import RunFolder, run_folder_of

WAIT = 600.0
"""Seconds for which a worker waits for another one that is at work at the same part."""


class Part(RunFolder):
    """A worker's part of a run folder, given as ``run_folder`` to its ``fetch``."""

    def __init__(self, folder: RunFolder, name: str, session: int) -> None:
        vars(self).update(vars(folder))
        self._name = name
        self._session = session

    def _opened(
        self, method: str, settings: Mapping[str, Any], limits: Mapping[str, Any], is_called_back: bool
    ) -> _patata.OpenedFolder:
        assert not is_called_back, "tables have no callbacks"
        return self._opened_part(self._name, self._session, WAIT, method, settings, limits)


def begun(folder: Any, method: str, client: Mapping[str, Any]) -> int:
    """Begins a session of the folder, or goes on with it, as the driver does. Gives its number.

    Raises
    ------
    RunFolderError
        Where the folder cannot be used, or has a run of one process.
    """
    told = {name: value for name, value in client.items() if name in _options.Options.__annotations__}
    settings = {**_options.checked(told), "num_workers": client["num_workers"]}
    return run_folder_of(folder)._begun_session(method, settings, {})


def part_of(folder: Any, name: str, session: int) -> Part:
    """What a worker says as ``run_folder`` for the part of this name."""
    return Part(run_folder_of(folder), name, session)
