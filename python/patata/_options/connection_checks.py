"""Checks the values of the options that connections are made with, as ``checks`` does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any


def verification(name: str, value: object) -> bool | str:
    """Whether certificates are verified, or the path of the CA file they are verified with."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    raise ValueError(f"{name} must be True, False or the path of a CA file, got {value!r}")


def certificate(name: str, value: object) -> tuple[str, str | None]:
    """The paths of a certificate and of its key, where that is a file of its own."""
    paths: tuple[Any, ...] = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    if all(isinstance(path, (str, os.PathLike)) for path in paths):
        return os.fsdecode(paths[0]), os.fsdecode(paths[1]) if len(paths) == 2 else None
    raise ValueError(f"{name} must be the path of a PEM file, or two: (certificate, key), got {value!r}")


def tls_version(name: str, value: object) -> str:
    """A version of TLS."""
    if isinstance(value, str) and value in ("1.2", "1.3"):
        return value
    raise ValueError(f"{name} must be '1.2' or '1.3', got {value!r}")


def http_version(name: str, value: object) -> str:
    """A version of HTTP; ``None`` stands for the best that the server speaks."""
    if value is None:
        return "auto"
    if isinstance(value, str) and value in ("auto", "1.1", "2"):
        return value
    raise ValueError(f"{name} must be '1.1', '2', or None for the best of them, got {value!r}")


def proxy(name: str, value: object) -> str | bool:
    """A proxy's URL, or ``False`` for none; ``None`` stands for what the environment says."""
    if value is None:
        return True
    if isinstance(value, str) or value is False:
        return value
    # Not shown: there may be a password in it.
    kind = type(value).__name__
    raise ValueError(f"{name} must be a proxy's URL, False, or None for the environment's, got a {kind}")


def addresses(name: str, value: object) -> dict[str, list[str]]:
    """For each host its addresses, of which one may stand alone."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dict of hosts and addresses, got {value!r}")
    return {_host(name, host): _literals(name, host, given) for host, given in value.items()}


def _host(name: str, host: object) -> str:
    if isinstance(host, str):
        return host
    raise ValueError(f"{name} must be a dict whose keys are the names of hosts, got {host!r}")


def _literals(name: str, host: str, given: object) -> list[str]:
    several = given if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else [given]
    try:
        return [_literal(one) for one in several]
    except ValueError:
        raise ValueError(
            f"{name} must give {host!r} an IP address or a list of them, got {given!r}"
        ) from None


def _literal(address: object) -> str:
    # Few clients name addresses, and it takes its time to be imported.
    import ipaddress

    if not isinstance(address, (str, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        raise ValueError
    return str(ipaddress.ip_address(address))


def path(name: str, value: object) -> str:
    """A path."""
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    raise ValueError(f"{name} must be a path, got {value!r}")
