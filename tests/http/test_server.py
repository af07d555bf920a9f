"""The server starts safely, says so once, and keeps exceptions to itself."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from sekisho.errors import WorkspaceError
from sekisho.http.server import hide_exceptions_from_log, is_loopback, listen, refuse_exposed_issuer


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_for_the_embedded_issuer(host: str) -> None:
    """On loopback the embedded issuer is fine."""
    assert is_loopback(host)
    refuse_exposed_issuer(host, embedded_issuer=True, allowed=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "gateway.internal", ""])
def test_the_embedded_issuer_is_refused_elsewhere(host: str) -> None:
    """Off loopback it is refused, unless told otherwise or another issuer is used."""
    with pytest.raises(WorkspaceError, match=r"sekisho\.yaml"):
        refuse_exposed_issuer(host, embedded_issuer=True, allowed=False)
    refuse_exposed_issuer(host, embedded_issuer=True, allowed=True)
    refuse_exposed_issuer(host, embedded_issuer=False, allowed=False)


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_a_fault_with_a_remedy() -> None:
    """Two servers on one port: the second is told to take another."""
    first = listen("127.0.0.1", 0)
    first.listen()
    try:
        with pytest.raises(WorkspaceError, match="--port"):
            listen("127.0.0.1", first.getsockname()[1])
    finally:
        first.close()


def test_exceptions_stay_out_of_the_servers_log(caplog) -> None:
    """Uvicorn's log names the class of an exception and nothing else of it."""
    hide_exceptions_from_log()
    hide_exceptions_from_log()
    logger = logging.getLogger("uvicorn.error")
    assert sum(type(f).__name__ == "_WithoutExceptions" for f in logger.filters) == 1
    error = RuntimeError("value-of-a-person")
    logger.error("Exception in ASGI application", exc_info=error)
    assert "value-of-a-person" not in caplog.text
    assert "RuntimeError" in caplog.text


SCRIPT = """
from sekisho.http.server import serve
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})
serve(app, "127.0.0.1", 0, embedded_issuer=True)
"""


def test_what_stays_is_not_looked_through_again() -> None:
    """What start-up has made is taken out of the search for reference cycles, in the process that serves."""
    program = (
        "import gc; from sekisho.http.server import keep_what_stays; keep_what_stays(); print(len(gc.get_objects()))"
    )
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert int(out) < 100


@pytest.mark.enable_socket
def test_serve_says_once_that_it_is_ready_and_ends_on_a_signal() -> None:
    """``serve`` prints one line with the address, answers there, names no server, and stops on SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Sekisho is ready on http://127.0.0.1:")
        url = line.split()[4]
        with urllib.request.urlopen(url, timeout=10) as response:  # loopback
            assert response.read() == b"here"
            assert response.headers["server"] is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (out, err) == ("", "")
    finally:
        process.kill()
        process.communicate()
