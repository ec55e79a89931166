"""Results beside the rows of a data frame of pandas, whose index and types no other library has."""

from __future__ import annotations

from typing import Any

from patata._installed import installed
from patata.exceptions import FrameError

PLACE = "__row__"
"""The column that says which row a result is of, where results are not in the order of the rows."""


class Beside:
    """A data frame: its columns stay as they are, and those of the results are put beside them.

    Attributes
    ----------
    source
        The frame as a table of Arrow's.
    keep
        The columns of it that the results have.
    """

    def __init__(self, frame: Any, keep: list[str] | None, is_ordered: bool) -> None:
        pyarrow = installed("pyarrow", "frames")
        names = [str(name) for name in frame.columns]
        if len(set(names)) < len(names):
            raise FrameError("the data frame has two columns of one name: give each its own")
        for name in keep or ():
            if name not in names:
                raise FrameError(
                    f"keep: the input has no column {name!r}; it has {', '.join(map(repr, names))}"
                )
        self._kept = frame if keep is None else frame[keep]
        try:
            self.source = pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        except pyarrow.ArrowException as error:
            raise FrameError(f"the data frame is no table: {'; '.join(map(str, error.args))}") from error
        self.keep: list[str] = []
        if not is_ordered:
            self.source = self.source.append_column(PLACE, pyarrow.array(range(len(frame))))
            self.keep = [PLACE]

    def back(self, results: Any) -> Any:
        """The frame with the results beside its rows."""
        import pandas
        import pyarrow

        # Older ones do not take Arrow's streams.
        from_arrow = getattr(pandas.DataFrame, "from_arrow", lambda table: pyarrow.table(table).to_pandas())
        made = from_arrow(results)
        # A fetch that was ended early has not all of them.
        rows = self._kept.take(made.pop(PLACE)) if self.keep else self._kept.iloc[: len(made)]
        return pandas.concat([rows, made.set_axis(rows.index)], axis=1)
