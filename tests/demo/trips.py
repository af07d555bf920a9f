"""A proxy before PostgreSQL that counts how often somebody waits for the server."""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, make_url

_URL = re.compile(r"postgresql://[^\s\"']+")
_CHUNK = 1 << 20


class Trips:
    """Passes bytes on between clients and one server, in a thread of its own.

    A trip is what a client says after the server has last said something, however many messages it is: until the
    server answers, the client says no more that depends on the answer.

    Attributes
    ----------
    count:
        Trips so far.
    """

    def __init__(self, url: URL, folder: Path) -> None:
        host = url.query.get("host")
        self._to: str | tuple[str, int]
        if isinstance(host, str) and host.startswith("/"):
            name = f".s.PGSQL.{url.port or 5432}"
            self._to, here = f"{host}/{name}", str(folder / name)
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(here)
            self._place = {"host": str(folder)}
        else:
            self._to = (url.host or "127.0.0.1", url.port or 5432)
            self._listening = socket.create_server(("127.0.0.1", 0))
            self._place = {}
        self._listening.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._other: dict[socket.socket, socket.socket] = {}
        self._servers: set[socket.socket] = set()
        self._asking: set[socket.socket] = set()  # clients that have not been answered
        self._ended = False
        self.count = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def before(self, url: URL) -> URL:
        """Return *url* by way of this proxy."""
        if self._place:
            return url.update_query_dict(self._place)
        return url.set(host="127.0.0.1", port=self._listening.getsockname()[1])

    def close(self) -> None:
        """Close every connection."""
        self._ended = True
        self._thread.join()
        for each in (*self._other, self._listening):
            each.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self._listening:
                    self._meet()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._pass(key.fileobj)

    def _meet(self) -> None:
        client, _ = self._listening.accept()
        server = socket.socket(socket.AF_UNIX if isinstance(self._to, str) else socket.AF_INET)
        server.connect(self._to)
        self._other |= {client: server, server: client}
        self._servers.add(server)
        for each in (client, server):
            self._selector.register(each, selectors.EVENT_READ)

    def _pass(self, speaker: socket.socket) -> None:
        if speaker not in self._other:
            return
        hearer, data = self._other[speaker], b""
        with suppress(OSError):
            data = speaker.recv(_CHUNK)
        if speaker in self._servers:
            self._asking.discard(hearer)
        elif data and speaker not in self._asking:
            self._asking.add(speaker)
            self.count += 1
        try:
            hearer.sendall(data)
        except OSError:
            data = b""
        if not data:
            for each in (speaker, hearer):
                self._selector.unregister(each)
                del self._other[each]
                each.close()


@contextmanager
def counted(configuration: Path, folder: Path) -> Iterator[list[Trips]]:
    """Let every URL of a *configuration* lead by a proxy whose socket is in *folder*; yield the proxies.

    Afterwards the file is as it was.
    """
    plain = configuration.read_text("utf-8")
    proxies: dict[object, Trips] = {}
    with ExitStack() as stack:

        def through(found: re.Match[str]) -> str:
            url = make_url(found[0])
            server = url.query.get("host") or url.host, url.port
            if server not in proxies:
                proxies[server] = Trips(url, folder)
                stack.callback(proxies[server].close)
            return proxies[server].before(url).render_as_string(hide_password=False)

        stack.callback(configuration.write_text, plain, "utf-8")
        configuration.write_text(_URL.sub(through, plain), "utf-8")
        yield list(proxies.values())
