"""The engines: whether one is installed, and which one a frame is of, by its type alone."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple


class Engine(NamedTuple):
    """What is to be known of an engine before it is imported."""

    title: str
    package: str
    """What is imported of it."""
    frame: str
    """Its frame, as users call it."""
    types: tuple[tuple[str, str], ...]
    """What the modules of its frames' types begin with, and the types' names."""


ENGINES = {
    "ray": Engine("Ray", "ray.data", "ray.data.Dataset", (("ray.data.", "Dataset"),)),
    "spark": Engine("PySpark", "pyspark.sql", "pyspark.sql.DataFrame", (("pyspark.sql.", "DataFrame"),)),
    "dask": Engine(
        "Dask",
        "dask.dataframe",
        "dask.dataframe.DataFrame",
        (("dask.dataframe.", "DataFrame"), ("dask_expr.", "DataFrame")),
    ),
    "daft": Engine("Daft", "daft", "daft.DataFrame", (("daft.dataframe.", "DataFrame"),)),
}
"""By the names of their modules in patata, and of patata's extras."""


def engine_of(frame: object) -> str | None:
    """The name of the engine that a frame is of, if any. Nothing is imported."""
    for kind in type(frame).__mro__:
        for name, engine in ENGINES.items():
            if any(kind.__module__.startswith(start) and kind.__name__ == of for start, of in engine.types):
                return name
    return None


def needed(name: str) -> Any:
    """The engine's module.

    Raises
    ------
    ModuleNotFoundError
        Where it is not installed: it says how it is.
    """
    engine = ENGINES[name]
    try:
        return importlib.import_module(engine.package)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"patata.{name} needs {engine.title}, which cannot be imported ({error}): "
            f'pip install "patata[{name}]"',
            name=engine.package,
        ) from error


def check_frame(name: str, frame: object) -> None:
    """Raises where a frame is not the engine's own."""
    other = engine_of(frame)
    if other == name:
        return
    kind = f"{type(frame).__module__}.{type(frame).__qualname__}"
    hint = f"patata.{other}.fetch takes it" if other else "patata.fetch takes tables of one machine"
    raise TypeError(f"patata.{name}.fetch takes a {ENGINES[name].frame}, got {kind}; {hint}")
