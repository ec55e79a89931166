"""A small HTTP proxy that wants credentials, for ``python -m patata.testing``."""

from __future__ import annotations

import base64
import socket
import socketserver
import threading
from contextlib import suppress
from urllib.parse import urlsplit

CREDENTIALS = "user:password"

LONGEST_HEAD = 65_536

WRONG = b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
DENIED = WRONG % b'407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="patata"'
UNUSABLE = WRONG % b"400 Bad Request"
UNREACHABLE = WRONG % b"502 Bad Gateway"


class Proxy(socketserver.ThreadingTCPServer):
    """Forwards requests and opens tunnels for clients with the credentials, while its ``with`` block runs."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        threading.Thread(target=self.serve_forever, name="patata-proxy", daemon=True).start()

    def __exit__(self, *exception: object) -> None:
        # Not in `server_close`, which is also called where the port cannot be had and nothing runs yet.
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    """One request or one tunnel: what follows a request on its connection goes the same way."""

    request: socket.socket

    def handle(self) -> None:
        # Either side may leave whenever it likes.
        with suppress(OSError):
            self.request.sendall(self._answer())

    def _answer(self) -> bytes:
        """Forwards, and gives the answer where nothing was to be forwarded."""
        head, rest = self._head()
        first, *lines = head.split(b"\r\n")
        try:
            method, target, version = first.decode("ascii").split(" ")
            url = urlsplit(f"//{target}" if method == "CONNECT" else target)
            host, port = url.hostname, url.port or 80
        except ValueError:
            return UNUSABLE
        if host is None:
            return UNUSABLE
        if b"proxy-authorization: basic " + _token() not in [_named(line) for line in lines]:
            return DENIED
        try:
            server = socket.create_connection((host, port), 10)
        except OSError:
            return UNREACHABLE
        with server:
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            else:
                path = (url.path or "/") + (f"?{url.query}" if url.query else "")
                # One request a connection, as the next one may be for another server.
                kept = [line for line in lines if not _named(line).startswith((b"proxy-", b"connection: "))]
                begin = f"{method} {path} {version}".encode()
                server.sendall(b"\r\n".join([begin, *kept, b"connection: close"]) + b"\r\n\r\n")
            server.sendall(rest)
            self._pass_on(server)
        return b""

    def _head(self) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received and len(received) < LONGEST_HEAD:
            more = self.request.recv(LONGEST_HEAD)
            if not more:
                break
            received += more
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _pass_on(self, server: socket.socket) -> None:
        server.settimeout(None)
        threading.Thread(target=_copy, args=(self.request, server), daemon=True).start()
        _copy(server, self.request)


def _token() -> bytes:
    return base64.b64encode(CREDENTIALS.encode())


def _named(line: bytes) -> bytes:
    """A header with its name, and the scheme where it has credentials, in lower case."""
    name, _, value = line.partition(b":")
    scheme, _, token = value.strip().partition(b" ")
    return name.lower() + b": " + scheme.lower() + b" " + token


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
