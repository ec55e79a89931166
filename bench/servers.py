"""The servers that the rows are measured against, each a process of its own that runs while it is needed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from urllib.parse import urlsplit

import harness

BODY = b'{"message":"Hello world!"}'
"""What nginx answers: 26 bytes, the same as `patata.testing.Server`."""

BIG = 1 << 20
"""Bytes of the text in the answer of `/big`."""

NGINX_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address}:{port} {protocol} backlog=4096;
        {settings}
        location / {{
            default_type application/json;
            return 200 '{body}';
        }}
        location = /big {{
            default_type application/json;
            alias {folder}/big;
        }}
    }}
}}
"""

# Said with `listen`, as the `http2 on` of newer versions is unknown to nginx 1.22.
SECURE = "ssl http2"
SECURE_SETTINGS = """
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.pem;
        ssl_protocols TLSv1.3;
        http2_max_concurrent_streams 1000;
"""


@dataclass
class Secure:
    """An https server: its URL, and the file of the authority that its certificate is from."""

    url: str
    authority: Path


@contextlib.contextmanager
def nginx(core: int | None = None) -> Iterator[str]:
    """Runs nginx with one worker and a configuration of its own, on one core if given; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="patata-nginx-") as folder:
        # The worker may be somebody else.
        Path(folder).chmod(0o755)
        (Path(folder) / "big").write_text('{"message": "' + "x" * BIG + '"}')
        # All of 127.0.0.0/8 leads here, so that there may be thousands of hosts.
        with _nginx(Path(folder), core, address="0.0.0.0") as port:
            url = f"http://127.0.0.1:{port}/"
            _wait_for_answer(url)
            yield url


@contextlib.contextmanager
def secure_nginx(core: int | None = None) -> Iterator[Secure]:
    """The same over TLS 1.3, with HTTP/2 for those who want it."""
    with tempfile.TemporaryDirectory(prefix="patata-nginx-") as folder:
        authority = _certify(Path(folder))
        with _nginx(Path(folder), core, SECURE, SECURE_SETTINGS) as port:
            url = f"https://127.0.0.1:{port}/"
            _wait_for_answer(url, ssl.create_default_context(cafile=authority))
            yield Secure(url, authority)


def _certify(folder: Path) -> Path:
    """Makes the certificate of a server on this machine; returns the file of its authority."""
    # Not every row needs it.
    import trustme

    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.cert_pem.write_to_path(folder / "authority.pem")
    return folder / "authority.pem"


@contextlib.contextmanager
def _nginx(
    folder: Path, core: int | None, protocol: str = "", settings: str = "", address: str = "127.0.0.1"
) -> Iterator[int]:
    """Runs nginx out of a folder; gives its port. The worker inherits the core of what starts it."""
    port = _free_port()
    config = folder / "nginx.conf"
    settings = settings.format(folder=folder)
    config.write_text(
        NGINX_CONFIG.format(
            folder=folder,
            address=address,
            port=port,
            protocol=protocol,
            settings=settings,
            body=BODY.decode(),
        )
    )
    command = [harness.program("nginx"), "-p", str(folder), "-c", str(config)]
    with (folder / "output").open("wb+") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=harness.pinning(core))
        try:
            yield port
        finally:
            if server.poll() is not None:
                print(f"nginx ended:\n{(folder / 'output').read_text()}", file=sys.stderr)
            server.terminate()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_answer(url: str, context: ssl.SSLContext | None = None) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                if answer.read() != BODY:
                    raise RuntimeError(f"something else than our nginx answers at {url}")
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"nginx does not answer ({error})") from error
            time.sleep(0.02)


def seconds_of_an_answer(url: str) -> float:
    """How long an idle server takes for an answer on an open connection, by a bare socket."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    question = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    taken = []
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=10) as connection:
        for _ in range(20):
            begun = time.perf_counter()
            connection.sendall(question)
            connection.recv(1 << 16)
            taken.append(time.perf_counter() - begun)
    return fmean(taken)


@contextlib.contextmanager
def embedded_server(threads: int = 1, core: int | None = None) -> Iterator[str]:
    """Runs `patata.testing.Server` in another process, on one core if given; gives its URL, without a /."""
    server = subprocess.Popen(
        [sys.executable, str(harness.CLIENTS / "serve.py"), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=harness.pinning(core),
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        if not url:
            raise RuntimeError("patata.testing.Server did not start")
        yield url
    finally:
        # It runs until its input ends, so it also goes away should this process be killed.
        server.stdin.close()
        server.wait()
        server.stdout.close()
