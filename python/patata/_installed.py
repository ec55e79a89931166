"""Libraries that are optional: imported where they are there, and else named with what installs them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def installed(module: str, extra: str) -> Any:
    """The module.

    Raises
    ------
    ImportError
        Where it is not installed: says how it is.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        message = f'{module} is not installed: pip install "patata[{extra}]" {module}'
        raise ImportError(message, name=module) from None
