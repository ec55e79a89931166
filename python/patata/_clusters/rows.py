"""By what rows are known again when a task is run again: digests of what they say, and keys made of these."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

BYTES = 16
"""Of a digest: among 10^12 rows, two that differ have the same one with a probability of 10^-15."""

HEADERS = "__patata_headers"
"""The column in which keys are sent."""


def digests(table: pa.Table) -> list[bytes]:
    """What each row says, in short. It is the same in any process, and wherever the row stands."""
    columns = [column.to_pylist() for column in table.columns]
    return [_digest(repr(row).encode()) for row in zip(*columns, strict=True)]


def name(digests: Iterable[bytes], place: str) -> str:
    """What these rows are called at this place of the frame, in whatever order they come.

    The order is left out as a partition that was shuffled may come in another one when its task is run again.
    """
    return _digest(b"".join(sorted(digests)), place).hex()


def keys(digests: list[bytes], place: str, session: str) -> list[str]:
    """An ``Idempotency-Key`` for each row, the same whenever a task of this call comes upon it.

    Equal rows of a place are told apart by counting them.
    """
    seen: Counter[bytes] = Counter()
    made = []
    for digest in digests:
        made.append(_digest(digest, session, place, str(seen[digest])).hex())
        seen[digest] += 1
    return made


def with_keys(table: pa.Table, keys: list[str], headers: str) -> pa.Table:
    """The table with a column of headers, which has the keys and what the column ``headers`` says, if any."""
    import pyarrow as pa

    if headers not in table.column_names:
        column: Any = pa.StructArray.from_arrays([pa.array(keys, pa.string())], names=["Idempotency-Key"])
    else:
        said = table.column(headers).to_pylist()
        column = pa.array([_with_key(row, key) for row, key in zip(said, keys, strict=True)], pa.string())
    return table.append_column(HEADERS, column)


def _with_key(said: Any, key: str) -> str:
    """Headers as JSON, with a key where they have none."""
    pairs = json.loads(said) if isinstance(said, str) else said
    together = {name: value for name, value in dict(pairs or {}).items() if value is not None}
    if not any(name.lower() == "idempotency-key" for name in together):
        together["Idempotency-Key"] = key
    return json.dumps(together)


def _digest(content: bytes, *context: str) -> bytes:
    digest = blake2b(content, digest_size=BYTES)
    for part in context:
        digest.update(b"\0" + part.encode())
    return digest.digest()
