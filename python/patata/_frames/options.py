"""The options of a fetch that are about its table, checked before anything is sent.

The annotations are looked at at run time, so they are no texts here.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypedDict

from patata import _options
from patata._options import checks
from patata._options.option import Option, Words

BODIES = ("json", "text", "binary", "none")
"""What may become of bodies."""

PARTS = ("url", "id", "method", "headers", "params", "json", "form", "content", "timeout", "cost")
"""What a column may be of a request."""


def _method(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} must be a str, got {value!r}")


def _columns(name: str, value: Any) -> dict[str, str | None]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must map parts of requests to names of columns, got {value!r}")
    for part, column in value.items():
        if part not in PARTS:
            raise ValueError(f"{name}: requests have no part {part!r}; they have {', '.join(PARTS)}")
        if not (isinstance(column, str) or (column is None and part != "url")):
            raise ValueError(f"{name}: {part!r} must be the name of a column, got {column!r}")
    return dict(value)


def _keep(name: str, value: Any) -> list[str]:
    names = None if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) else list(value)
    if names is None or not all(isinstance(column, str) for column in names):
        raise ValueError(f"{name} must be a list of names of columns, got {value!r}")
    return names


def _body(name: str, value: Any) -> str:
    if value in BODIES:
        return str(value)
    raise ValueError(f"{name} must be one of {', '.join(map(repr, BODIES))}, got {value!r}")


def _schema(name: str, value: Any) -> Any:
    if isinstance(value, str) or hasattr(value, "__arrow_c_schema__"):
        return value
    if isinstance(value, Mapping) and value:
        texts = {member: str(kind) for member, kind in value.items()}
        if all(isinstance(member, str) for member in texts):
            return texts
    raise ValueError(
        f"{name} must map names to types, as {{'name': 'string', 'tags': 'list<string>'}}, or be a type as a "
        f"str, or an Arrow schema, got {value!r}"
    )


def _prefix(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{name} must be a str, got {value!r}")


class TableOptions(TypedDict, total=False):
    """What a fetch says of its table: which columns requests are made of, and which the results have."""

    method: Annotated[
        str,
        Option(_method, default="GET", doc="The method of rows whose column ``method`` does not say one."),
    ]
    columns: Annotated[
        Mapping[str, str | None] | None,
        Option(
            _columns,
            default=Words("those that have the names of parts"),
            doc="""
            Which column is which part of the requests: ``{"json": "payload", "id": "user.id"}``. Parts are
            ``id``, ``method``, ``headers``, ``params``, ``json``, ``form``, ``content``, ``timeout`` and
            ``cost``. A column that has the name of a part is taken for it, unless the part has another one
            here, or ``None``.
            """,
            nullable=True,
        ),
    ]
    keep: Annotated[
        Iterable[str] | None,
        Option(
            _keep,
            default=Words("all"),
            doc="The columns of the input that the results have, in this order.",
            nullable=True,
        ),
    ]
    body: Annotated[
        Literal["json", "text", "binary", "none"],
        Option(
            _body,
            default="json",
            doc="""
            What becomes of bodies: ``"json"`` parses them into the type that ``schema`` says, or that the
            first results tell; ``"text"`` and ``"binary"`` leave them as they are; ``"none"`` leaves them
            out.
            """,
        ),
    ]
    schema: Annotated[
        Any,
        Option(
            _schema,
            default=Words("inferred from the first batch of results"),
            doc="""
            The type of bodies: ``{"name": "string", "tags": "list<string>", "at": "timestamp[ms, UTC]"}``, a
            type as a text (``"list<int64>"``), or an Arrow schema. Members that are not in it are left out.
            What does not fit is null, and ``error`` says so.
            """,
            nullable=True,
        ),
    ]
    include_url: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="Whether the results have a column ``url``: what answered, after redirects.",
        ),
    ]
    include_headers: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether the results have a column ``headers``: a list of names and values, as a name may be there
            twice.
            """,
        ),
    ]
    prefix: Annotated[
        str,
        Option(
            _prefix,
            default="",
            doc="""
            What the names of the results' own columns begin with, where the input has columns of their
            names.
            """,
        ),
    ]
    distinct: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Whether equal requests are sent once, and their rows share the answer. All answers are kept until
            the end then.
            """,
        ),
    ]
    lazy: Annotated[
        bool,
        Option(
            checks.flag,
            default=False,
            doc="""
            Of a ``LazyFrame`` of Polars: whether a ``LazyFrame`` is given back that sends the requests when
            it is collected, and sends them again each time that it is.
            """,
        ),
    ]


TABLE: dict[str, Option] = {
    name: annotation.__metadata__[0] for name, annotation in TableOptions.__annotations__.items()
}
"""These options by name."""


class FetchOptions(TableOptions, _options.HttpOptions):
    """All that :meth:`Patata.fetch` takes."""


class ClientFetchOptions(FetchOptions, _options.ClientOnlyOptions):
    """All that :func:`patata.fetch` takes: the options of a fetch, and those of a client."""


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What options say of the table, checked and whole, and the other ones.

    Raises
    ------
    ValueError
        For a value that cannot be used; it names the option.
    """
    table: dict[str, Any] = {}
    for name, option in TABLE.items():
        value = options.get(name, option.default)
        is_default = isinstance(value, Words) or (value is None and option.nullable)
        table[name] = None if is_default else option.check(name, value)
    table["columns"] = table["columns"] or {}
    if table["schema"] is not None and table["body"] != "json":
        raise ValueError(
            f'schema is the type of bodies that are JSON: with body="json", got {table["body"]!r}'
        )
    table["include_path"] = options.get("stream_to") is not None
    return table, {name: value for name, value in options.items() if name not in TABLE}


def of_url(table: dict[str, Any], url: object) -> dict[str, Any]:
    """The same with the column of URLs, or a template."""
    if not isinstance(url, str):
        raise ValueError(
            f"url must be the name of a column, or a template as https://host/{{column}}, got {url!r}"
        )
    return {**table, "url": url}
