"""JSON bodies: what each type is sent as, what is refused, and plain values beside json.dumps."""

import enum
import json
import random
import textwrap
import types
import uuid
from collections import OrderedDict, UserDict, defaultdict, namedtuple
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from patata import InvalidRequestError, Patata, Request
from support import run_python


class Colour(enum.Enum):
    RED = "red"
    DAY = date(2024, 2, 29)
    NESTED = ("a", {"b": Decimal("1.10")})


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    HELLO = "hello"


class Labelled(str, enum.Enum):
    """Its members have a value other than the str that they are."""

    ONE = ("one", 1)

    def __new__(cls, text, value):
        member = str.__new__(cls, text)
        member._value_ = value
        return member


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: Any
    y: Any = None


@dataclass(frozen=True)
class Order:
    z_first: int
    a_second: list = field(default_factory=list, repr=False)
    shared: ClassVar[int] = 7
    only_for_init: InitVar[int] = 0
    computed: str = field(init=False, default="c")


class Slotted:
    """A dataclass with slots, of which one is empty."""

    __slots__ = ("x",)
    x: int


Slotted = dataclass(Slotted)

Pair = namedtuple("Pair", "a b")


class LoudInt(int):
    def __repr__(self):
        return "loud"

    __str__ = __repr__


class LoudDecimal(Decimal):
    def __repr__(self):
        return "loud"

    __str__ = __repr__


class Moment(datetime):
    def isoformat(self, *_args):
        return "a moment"


ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
EAST = timezone(timedelta(hours=5, minutes=30))


def moved(ordered, key):
    ordered.move_to_end(key)
    return ordered


WRITTEN = {
    # Dates and times
    "datetime": (datetime(2024, 2, 29, 1, 2, 3), '"2024-02-29T01:02:03"'),
    "datetime of a zone": (datetime(2024, 2, 29, 1, 2, 3, 4, EAST), '"2024-02-29T01:02:03.000004+05:30"'),
    "datetime of a class of its own": (Moment(2024, 2, 29), '"a moment"'),
    "date": (date(2024, 2, 29), '"2024-02-29"'),
    "time": (time(1, 2, 3, 4), '"01:02:03.000004"'),
    "UUID": (ID, f'"{ID}"'),
    # Decimals
    "Decimal": (Decimal("1.10"), "1.10"),
    "Decimal with many digits": (Decimal("-0.1234567890123456789012345678901234567890"),) * 2,
    "Decimal zero": ([Decimal(0), Decimal("-0"), Decimal("0.00")], "[0,-0,0.00]"),
    "Decimal with exponent": ([Decimal("1E+3"), Decimal("1.5e-30")], "[1E+3,1.5E-30]"),
    "Decimal that prints otherwise": (LoudDecimal("2.50"), "2.50"),
    # Enums
    "Enum": (Colour.RED, '"red"'),
    "Enum of a date": (Colour.DAY, '"2024-02-29"'),
    "Enum of containers": (Colour.NESTED, '["a",{"b":1.10}]'),
    "IntEnum": (Level.HIGH, "3"),
    "str Enum": (Word.HELLO, '"hello"'),
    "str Enum with another value": (Labelled.ONE, "1"),
    "Flag": (Access.READ | Access.WRITE, "3"),
    # Dataclasses
    "dataclass": (Point(1, "y"), '{"x":1,"y":"y"}'),
    "dataclass, fields in order and no others": (Order(1), '{"z_first":1,"a_second":[],"computed":"c"}'),
    "dataclass in dataclass": (Point([Point(ID)]), f'{{"x":[{{"x":"{ID}","y":null}}],"y":null}}'),
    "dataclass without fields": (dataclass(type("Empty", (), {}))(), "{}"),
    # Mappings
    "OrderedDict": (moved(OrderedDict(a=1, b=2), "a"), '{"b":2,"a":1}'),
    "defaultdict": (defaultdict(list, a=[1]), '{"a":[1]}'),
    "mapping that is no dict": (UserDict(a=UserDict()), '{"a":{}}'),
    "mapping proxy": (types.MappingProxyType({1: Point(1)}), '{"1":{"x":1,"y":null}}'),
    # Subclasses
    "bool is no int": ([True, False, 1, 0], "[true,false,1,0]"),
    "int that prints otherwise": ([LoudInt(5), LoudInt(10**30)], f"[5,{10**30}]"),
    "str of a class of its own": (type("Str", (str,), {})("ü"), '"ü"'),
    "float of a class of its own": (type("Float", (float,), {})(1.5), "1.5"),
    "list of a class of its own": (type("List", (list,), {})([1]), "[1]"),
    "named tuple": (Pair(1, [Pair(2, 3)]), "[1,[[2,3]]]"),
    # Keys
    "date as key": ({date(2024, 2, 29): 1}, '{"2024-02-29":1}'),
    "datetime as key": ({datetime(2024, 2, 29): 1}, '{"2024-02-29T00:00:00":1}'),
    "UUID as key": ({ID: 1}, f'{{"{ID}":1}}'),
    "Decimal as key": ({Decimal("1.10"): 1}, '{"1.10":1}'),
    "Enum as key": ({Colour.RED: 1, Colour.DAY: 2}, '{"red":1,"2024-02-29":2}'),
    "IntEnum as key": ({Level.HIGH: 1}, '{"3":1}'),
    "str Enum as key": ({Word.HELLO: 1, Labelled.ONE: 2}, '{"hello":1,"1":2}'),
    "int subclass as key": ({LoudInt(5): 1}, '{"5":1}'),
    "bool, None and numbers as keys": ({True: 1, None: 2, 7: 3, 1.5: 4}, '{"true":1,"null":2,"7":3,"1.5":4}'),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_each_type_is_sent_as_its_json(server, client, kind):
    data, expected = WRITTEN[kind]
    url = server.url + "/echo"
    requests = [(1, url, data), Request(2, url, json=data), (3, url, [{"a": data}])]
    sent = {response.id_: response.data["body"] for response in client.http("post", requests)}
    assert sent == {1: str(expected), 2: str(expected), 3: f'[{{"a":{expected}}}]'}
    json.loads(sent[1])
    (response,) = client.http("post", [(1, url)], json=data)
    assert response.data["body"] == str(expected)


def test_a_server_reads_what_a_dataclass_was(api, client):
    order = {"at": datetime(2024, 2, 29, tzinfo=timezone.utc), "by": Point(ID, Level.HIGH), "is": Colour.RED}
    (response,) = client.http("post", [(1, api + "/", order)])
    assert response.data == {
        "at": "2024-02-29T00:00:00+00:00",
        "by": {"x": str(ID), "y": 3},
        "is": "red",
    }


class Unready:
    @property
    def x(self):
        raise KeyError("not ready")


class Broken(datetime):
    def isoformat(self, *_args):
        raise OSError("no clock")


class NoText(datetime):
    def isoformat(self, *_args):
        return 7


class Unpaired(UserDict):
    def items(self):
        return [1]


class Endless(enum.Enum):
    """Its value is itself."""

    ONE = 1

    @property
    def value(self):
        return self


def ring():
    point = Point(1)
    point.y = [point]
    return point


REFUSED = {
    "set": ({"a": [0, 1, 2, {1}]}, "['a'][3] cannot be sent as JSON: {1} is of type set; make it a"),
    "frozenset": ([frozenset()], "[0] cannot be sent as JSON: frozenset() is of type frozenset"),
    "bytes": (b"x", " cannot be sent as JSON: b'x' is of type bytes"),
    "timedelta": ([timedelta(1)], "is of type datetime.timedelta"),
    "fraction": (Fraction(1, 2), "is of type fractions.Fraction"),
    "range": (range(3), "range(0, 3) is of type range"),
    "dataclass itself": (
        {"a": Point},
        "['a'] cannot be sent as JSON: <class 'test_json.Point'> is of type type",
    ),
    "Enum itself": (Level, "<enum 'Level'> is of type enum."),
    "in a dataclass": (Point(1, {"k": Point({1})}), ".y['k'].x cannot be sent as JSON: {1} is of type set"),
    "in an Enum": ([enum.Enum("E", {"A": frozenset({1})}).A], "[0].value cannot be sent as JSON"),
    "in a mapping": (UserDict(a=[{1}]), "['a'][0] cannot be sent as JSON"),
    "below an Enum as key": ({Level.HIGH: {1}}, "[<Level.HIGH: 3>] cannot be sent as JSON"),
    "Decimal nan": ({"a": Decimal("NaN")}, "['a'] cannot be sent as JSON: NaN is not a number that JSON has"),
    "Decimal signalling nan": (Decimal("sNaN"), "sNaN is not a number that JSON has"),
    "Decimal infinity": ([Decimal("-Infinity")], "[0] cannot be sent as JSON: -Infinity is not a number"),
    "Decimal nan as key": ({Decimal("NaN"): 1}, " cannot be sent as JSON: NaN is not a number"),
    "dataclass as key": ({Order: 1}, " cannot be sent as JSON: the key <class 'test_json.Order'>"),
    "Enum of a tuple as key": ({"a": {Colour.NESTED: 1}}, "['a'] cannot be sent as JSON: the key ('a', "),
    "frozenset as key": ({frozenset(): 1}, "the key frozenset() is of type frozenset; make it a str"),
    "dataclass in itself": (ring(), "nested too deeply, or holds itself"),
    "Enum that is its own value": (Endless.ONE, "nested too deeply, or holds itself"),
    "Enum that is its own value as key": ({Endless.ONE: 1}, "nested too deeply, or holds itself"),
    "field that is not set": ([Slotted.__new__(Slotted)], "[0].x cannot be sent as JSON: AttributeError"),
    "field that raises": (
        dataclass(type("U", (Unready,), {"__annotations__": {"x": int}}), init=False)(),
        ".x",
    ),
    "method that raises": ({"a": Broken(2024, 1, 1)}, "['a'] cannot be sent as JSON: OSError: no clock"),
    "isoformat that is no text": ([NoText(2024, 1, 1)], "[0] cannot be sent as JSON"),
    "items that are no pairs": ([Unpaired()], "[0] cannot be sent as JSON"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_json_has_no_form_for_is_named_with_its_place(server, client, kind):
    data, expected = REFUSED[kind]
    requests = [("data", server.url, data), Request("json", server.url, json=data)]
    for response in client.http("post", requests):
        assert isinstance(response.error, InvalidRequestError)
        assert expected in str(response.error)
        assert str(response.error).startswith(response.id_)
    for use in (lambda: Patata(verbose=False, json=data), lambda: next(client.http("post", [], json=data))):
        with pytest.raises((ValueError, TypeError, RecursionError)) as caught:
            use()
        assert str(caught.value).startswith("json")
        assert expected in str(caught.value)
    assert server.connections == 0


def test_what_a_method_raised_is_the_cause_of_the_error():
    with pytest.raises(ValueError, match="no clock") as caught:
        Patata(verbose=False, json=[Broken(2024, 1, 1)])
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("as_option", [False, True])
def test_ctrl_c_while_a_value_is_written_ends_the_run(server, client, as_option):
    class Interrupted(datetime):
        def isoformat(self, *_args):
            raise KeyboardInterrupt

    data = Interrupted(2024, 1, 1)
    requests = [Request(1, server.url, json=data) if as_option else (1, server.url, data)]
    with pytest.raises(KeyboardInterrupt):
        list(client.http("post", requests))


def test_a_dict_that_grows_while_it_is_written_is_refused(server, client):
    class Growing(datetime):
        def isoformat(self, *_args):
            data["more"] = 1
            return "t"

    data = {"a": Growing(2024, 1, 1), "b": 1}
    (response,) = client.http("post", [(1, server.url, data)])
    assert "data cannot be sent as JSON: the dict changed while it was written" in str(response.error)
    assert server.connections == 0


def test_a_dict_whose_keys_change_while_it_is_written_is_sent_or_refused_but_does_no_harm(server, client):
    class Changing(datetime):
        def isoformat(self, *_args):
            del data[next(iter(data))]
            data[f"new {len(seen)}"] = self
            seen.append(1)
            return "t"

    seen = []
    data = {str(i): Changing(2024, 1, 1) for i in range(8)}
    responses = {r.id_: r for r in client.http("post", [(1, server.url, data), (2, server.url)])}
    assert responses[1].error is None or isinstance(responses[1].error, InvalidRequestError)
    assert responses[2].status_code == 200
    assert seen


def test_modules_that_the_program_does_not_use_are_not_imported():
    script = """
        import sys
        from patata import Patata
        from patata.testing import Server

        class Odd: pass

        with Server() as server, Patata(num_workers=1, verbose=False) as client:
            (one,) = client.http("post", [(1, server.url, Odd())])
            assert "Odd" in str(one.error), one
            assert not {"uuid", "decimal"} & set(sys.modules), sorted(sys.modules)
            from decimal import Decimal
            (one,) = client.http("post", [(1, server.url + "/echo", Decimal("1.10"))])
            assert one.data["body"] == "1.10"
    """
    finished = run_python("-c", textwrap.dedent(script))
    assert finished.returncode == 0, finished.stderr


def plain(random, depth=0):
    """A value that json.dumps takes too."""
    kind = random.randrange(10 if depth < 4 else 7)
    if kind == 0:
        return random.choice(
            [None, True, False, "", 0, -0.0, 2**63, -(2**63) - 1, 5e-324, 1.7976931348623157e308]
        )
    if kind in (1, 2):
        return random.randint(-(10 ** random.randrange(1, 40)), 10 ** random.randrange(1, 40))
    if kind in (3, 4):
        return random.uniform(-1, 1) * 10.0 ** random.randrange(-300, 300)
    if kind in (5, 6):
        return text(random)
    if kind == 7:
        return {key(random): plain(random, depth + 1) for _ in range(random.randrange(6))}
    items = [plain(random, depth + 1) for _ in range(random.randrange(6))]
    return items if kind == 8 else tuple(items)


def text(random):
    ranges = [
        (0, 0x20),
        (0x20, 0x7F),
        (0x7F, 0x800),
        (0x2020, 0x2030),
        (0xE000, 0x10000),
        (0x10000, 0x110000),
    ]
    bounds = (random.choice(ranges) for _ in range(random.randrange(12)))
    return "".join(chr(random.randrange(*bound)) for bound in bounds)


def key(random):
    return random.choice(
        [text, lambda r: r.randrange(-99, 10**25), lambda r: r.randrange(99) / 8, lambda _: None]
    )(random)


@pytest.mark.parametrize("seed", range(10))
def test_plain_values_are_sent_as_the_standard_library_writes_them(server, client, seed):
    values = [[plain(random.Random(f"{seed} {i}"))] for i in range(200)]
    requests = [(i, server.url + "/echo", value) for i, value in enumerate(values)]
    sent = {response.id_: response.data["body"] for response in client.http("post", requests)}
    for i, value in enumerate(values):
        # As texts, in which 1 and 1.0 differ, and 0.0 and -0.0.
        assert repr(json.loads(sent[i])) == repr(json.loads(json.dumps(value)))
