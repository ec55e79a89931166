"""Servers from PyPI that the tests talk to, each in a process of its own."""

import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support import HERE, free_port, read_request, running


def wait_for_port(process, port, host="127.0.0.1"):
    """Waits until something listens."""
    while True:
        assert process.poll() is None, process.stderr.read()
        with suppress(OSError), socket.create_connection((host, port), timeout=10):
            return
        time.sleep(0.02)


class Pair(NamedTuple):
    """The paths of a certificate and its key."""

    certificate: Path
    key: Path


class Certificates:
    """A certificate authority and what it has signed, as files in a folder."""

    def __init__(self, folder, *names):
        self.authority = trustme.CA()
        self.folder = Path(folder)
        self.ca = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self.certificate, self.key = self.issue("server", *names)

    def issue(self, name, *hosts, **options):
        """A certificate and its key."""
        issued = self.authority.issue_cert(*hosts, **options)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        # In PKCS #8, which every server reads.
        private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key.write_bytes(private.private_bytes(*form))
        return Pair(certificate, key)

    def context(self):
        """For clients of the standard library."""
        return ssl.create_default_context(cafile=str(self.ca))


@contextmanager
def granian(application, certificates=None, interface="wsgi"):
    """The URL of an application on granian: over HTTPS (HTTP/2 and 1.1) with certificates, else over HTTP."""
    port = free_port()
    command = ["-m", "granian", application, "--interface", interface, "--host", "127.0.0.1", "--port", port]
    command += ["--blocking-threads", 4] if interface == "wsgi" else []
    if certificates is not None:
        command += ["--ssl-certificate", certificates.certificate, "--ssl-keyfile", certificates.key]
        command += ["--ssl-protocol-min", "tls1.2"]
    with running(*command, "--no-log") as process:
        wait_for_port(process, port)
        yield f"http://127.0.0.1:{port}" if certificates is None else f"https://localhost:{port}"


@contextmanager
def uvicorn(application, port, *arguments, folder=HERE):
    """An application from this folder, or another one, on uvicorn."""
    command = ("-m", "uvicorn", application, "--app-dir", folder, "--port", port, "--log-level", "critical")
    with running(*command, *arguments) as process:
        wait_for_port(process, port)
        yield f"http://localhost:{port}"


@contextmanager
def uvicorn_on_socket(application, path):
    """An application from this folder on uvicorn, at a unix socket."""
    command = ("-m", "uvicorn", application, "--app-dir", HERE, "--uds", path, "--log-level", "critical")
    with running(*command) as process:
        while not path.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        yield


def self_signed(folder, *hosts):
    """The paths of a certificate that is signed by itself, and of its key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "self-signed")])
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    # As openssl makes them.
    is_ca = x509.BasicConstraints(ca=True, path_length=None)
    signed = builder.add_extension(names, False).add_extension(is_ca, True).sign(private, hashes.SHA256())
    certificate, key = Path(folder) / "self-signed.pem", Path(folder) / "self-signed.key"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(private.private_bytes(*form))
    return Pair(certificate, key)


@contextmanager
def tls_only(certificates, verify=ssl.CERT_NONE, maximum=ssl.TLSVersion.TLSv1_3):
    """A server of the standard library: one answer a connection, which says whether it knew the session."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    context.load_verify_locations(certificates.ca)
    context.verify_mode, context.maximum_version = verify, maximum

    def serve(connection):
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            read_request(tls)
            body = json.dumps({"session_reused": tls.session_reused}).encode()
            tls.sendall(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )
            tls.unwrap()

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:

        def accept():
            with suppress(OSError):
                while True:
                    threads.submit(serve, listener.accept()[0])

        threads.submit(accept)
        yield f"https://localhost:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def pproxy(user=None):
    """The address of a proxy that speaks HTTP and SOCKS5, and wants this ``user:password``."""
    port = free_port()
    # It looks for an event loop that newer Pythons, and uvloop, do not make by themselves.
    program = "import asyncio, sys; sys.modules['uvloop'] = None; import pproxy.server; "
    program += "asyncio.set_event_loop(asyncio.new_event_loop()); pproxy.server.main()"
    listen = f"http+socks5://127.0.0.1:{port}" + (f"#{user}" if user else "")
    with running("-c", program, "-l", listen, "--auth", 0) as process:
        wait_for_port(process, port)
        yield f"127.0.0.1:{port}"


@contextmanager
def proxy_py(*arguments):
    """The address of an HTTP proxy."""
    port = free_port()
    with running(
        "-m", "proxy", "--hostname", "127.0.0.1", "--port", port, "--log-level", "c", *arguments
    ) as process:
        wait_for_port(process, port)
        yield f"127.0.0.1:{port}"
