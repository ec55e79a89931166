"""Servers from PyPI that the tests talk to, each in a process of its own."""

import socket
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import trustme
from support import HERE, free_port, start_python


@contextmanager
def running(*arguments):
    """A Python program, while the block runs."""
    process = start_python(*arguments, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
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
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    def context(self):
        """For clients of the standard library."""
        return ssl.create_default_context(cafile=str(self.ca))


@contextmanager
def hypercorn(application, certificates=None, *arguments):
    """An application on hypercorn: the URL over HTTP, and over HTTPS (HTTP/2 and 1.1) with certificates."""
    plain, tls = free_port(), free_port()
    command = ["-m", "hypercorn", "--log-level", "CRITICAL", "--graceful-timeout", "0", *arguments]
    if certificates is None:
        command += ["--bind", f"127.0.0.1:{plain}"]
    else:
        command += ["--bind", f"127.0.0.1:{tls}", "--insecure-bind", f"127.0.0.1:{plain}"]
        command += ["--certfile", certificates.certificate, "--keyfile", certificates.key]
    with running(*command, application) as process:
        wait_for_port(process, plain)
        yield f"http://127.0.0.1:{plain}", f"https://localhost:{tls}"


@contextmanager
def uvicorn(application, port, *arguments):
    """An application from this folder on uvicorn."""
    command = ("-m", "uvicorn", application, "--app-dir", HERE, "--port", port, "--log-level", "critical")
    with running(*command, *arguments) as process:
        wait_for_port(process, port)
        yield f"http://localhost:{port}"
