"""Servers from PyPI that the tests talk to, each in a process of its own."""

import os
import signal
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from support import HERE, free_port, start_python


@contextmanager
def running(*arguments):
    """A Python program, while the block runs."""
    process = start_python(*arguments, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        # With the workers that some servers have.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_port(process, port, host="127.0.0.1"):
    """Waits until something listens."""
    while True:
        assert process.poll() is None, process.stderr.read()
        with suppress(OSError), socket.create_connection((host, port), timeout=10):
            return
        time.sleep(0.02)


class Certificates:
    """A certificate authority and what it has signed, as files in a folder."""

    def __init__(self, folder, *names):
        self.authority = trustme.CA()
        self.folder = Path(folder)
        self.ca = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self.certificate, self.key = self.issue("server", *names)

    def issue(self, name, *hosts, **options):
        """The paths of a certificate and its key."""
        issued = self.authority.issue_cert(*hosts, **options)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        # In PKCS #8, which every server reads.
        private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key.write_bytes(private.private_bytes(*form))
        return certificate, key

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
def uvicorn(application, port, *arguments):
    """An application from this folder on uvicorn."""
    command = ("-m", "uvicorn", application, "--app-dir", HERE, "--port", port, "--log-level", "critical")
    with running(*command, *arguments) as process:
        wait_for_port(process, port)
        yield f"http://localhost:{port}"
