"""A relay before a real server that counts a run's statements, and acts at one of them.

What it does then (kill the run, stop the server) is real, and done from outside of the run.
"""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

import psycopg

from tests.support import relay

#: At the boundary before a statement, or while it is under way: once it is sent, unanswered.
When = Literal["before", "sent"]

#: The run's own connections: the one that works, then the one that holds the run lock. Those that
#: only watch come later, whenever they find the time: they are relayed, but not counted.
_COUNTED = 2

#: Statements after which a transaction has something to commit.
_CHANGES = ("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE")

#: Messages that only make sense together with the Sync that follows.
_HELD = b"PBDEC"


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement of a run.

    Attributes:
        text: Its text.
        lasting: Whether it makes changes last: the COMMIT of some, or what runs CONCURRENTLY.
    """

    text: str
    lasting: bool


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a run is disturbed.

    Attributes:
        template: The database that it begins with a copy of.
        at: At which statement.
        when: Before it, or once it is sent.
        lasting: Whether statements that make changes last are counted alone.
    """

    template: str
    at: int
    when: When
    lasting: bool = False


def places(template: str, seen: list[Statement]) -> list[Place]:
    """Return the boundaries before each statement, and those while it makes changes last."""
    found: list[Place] = []
    for number, statement in enumerate(seen, start=1):
        found.append(Place(template, number, "before"))
        if statement.lasting:
            found.append(Place(template, number, "sent"))
    return found


class Boundary:
    """Counts the statements of a run, and acts once, at the ``at``-th.

    Args:
        at: Which statement; 0 for none.
        when: Before it is sent, and so after the answer to the one before; or once it is sent.
        act: What to do.
        lasting: Count those alone that make changes last.

    Attributes:
        seen: The statements that came and count, that one included.
        failed: What ``act`` raised.
    """

    def __init__(
        self,
        at: int = 0,
        when: When = "before",
        act: Callable[[], object] = lambda: None,
        *,
        lasting: bool = False,
    ) -> None:
        self.seen: list[Statement] = []
        self.failed: list[Exception] = []
        self._at = at
        self._when = when
        self._act = act
        self._lasting = lasting
        self._lock = threading.Lock()

    def passes(self, statement: Statement, send: Callable[[], object]) -> bool:
        """Send a statement on unless it is the one not to be sent; act if it is the one."""
        with self._lock:
            if self._at and len(self.seen) == self._at:
                return False  # nothing is sent any more, by neither connection
            if statement.lasting or not self._lasting:
                self.seen.append(statement)
            reached = bool(self._at) and len(self.seen) == self._at
            if reached and self._when == "before":
                self._do()
                return False
        send()
        if reached:
            self._do()
        return not reached

    def _do(self) -> None:
        try:
            self._act()
        except Exception as error:  # noqa: BLE001  it is the test's to tell
            self.failed.append(error)


class Interlude(Boundary):
    """Acts before statements that contain a text; all of them are sent.

    Args:
        text: The text; "" is in each.
        act: What to do; it is given the statement.
        times: Before how many of them.
    """

    def __init__(self, text: str, act: Callable[[str], object], times: int = 1) -> None:
        super().__init__()
        self._text = text
        self._told = act
        self._left = times

    def passes(self, statement: Statement, send: Callable[[], object]) -> bool:
        self.seen.append(statement)
        if self._text in statement.text and self._left:
            self._left -= 1
            try:
                self._told(statement.text)
            except Exception as error:  # noqa: BLE001  it is the test's to tell
                self.failed.append(error)
        send()
        return True


@contextlib.contextmanager
def relayed(url: str, boundary: Boundary) -> Iterator[str]:
    """Relay connections to a server; yields the URL of the database through the relay."""
    with psycopg.connect(url) as conn:
        address = relay.address_of(conn.info.host, conn.info.port)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            number = 0
            with contextlib.suppress(OSError):  # the listener is closed
                while True:
                    client, _ = listener.accept()
                    number += 1
                    counted = boundary if number <= _COUNTED else None
                    threading.Thread(
                        target=_relay, args=(client, address, counted), daemon=True
                    ).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield relay.through(url, int(listener.getsockname()[1]))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert boundary.failed == []


def _relay(client: socket.socket, address: relay.Address, boundary: Boundary | None) -> None:
    """Carry one connection, reading what the client sends."""
    with contextlib.suppress(OSError, EOFError), client, relay.connect(address) as server:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small messages

        def back() -> None:
            _carry(server, client)

        threading.Thread(target=back, daemon=True).start()
        try:
            if boundary is None:
                _carry(client, server)
            else:
                with client.makefile("rb") as sent:
                    _count(sent, server, boundary)
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _count(sent: BinaryIO, server: socket.socket, boundary: Boundary) -> None:
    """Send on what the client sends, statement by statement."""
    length = _read(sent, 4)
    server.sendall(length + _read(sent, int.from_bytes(length) - 4))
    changed = False
    while True:
        held, text = b"", None
        while True:
            head = _read(sent, 5)
            body = _read(sent, int.from_bytes(head[1:]) - 4)
            held += head + body
            if head[:1] in b"QP":  # Parse is (name, text, types), Query the text
                text = body.split(b"\0")[head[:1] == b"P"].decode().strip()
            if head[:1] not in _HELD:
                break
        if text is None:  # a password, the end
            server.sendall(held)
            continue
        parts = [part.strip() for part in text.split(";")]  # locks and changes come in one message
        changes = any(part.startswith(_CHANGES) for part in parts)
        lasting = (text == "COMMIT" and changed) or (
            changes and ("CONCURRENTLY" in text or any(p.startswith("COMMIT") for p in parts))
        )
        request = held

        def send(request: bytes = request) -> None:
            server.sendall(request)

        if not boundary.passes(Statement(" ".join(text.split()), lasting), send):
            return
        changed = not text.startswith(("BEGIN", "COMMIT")) and (changed or changes)


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry all bytes one way, and the end of them."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _read(stream: BinaryIO, count: int) -> bytes:
    """Read exactly ``count`` bytes."""
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data
