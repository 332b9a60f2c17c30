"""A relay before a real server: it sees, and may change, what goes over the wire."""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from psycopg import conninfo

#: A server's host and port, or its socket's path.
Address: TypeAlias = tuple[str, int] | str


def _nothing(*_: object) -> None:
    """Do nothing."""


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What a relay does with what goes through it.

    Attributes:
        replacements: What to replace in the server's messages. Outside the parameters that the
            server reports at start-up, a replacement must keep its length.
        on_request: Called with the bytes that the client sends.
        on_ready: Called when the server has done what it was asked and waits for the next request,
            before the client is told.
    """

    replacements: Mapping[bytes, bytes] = dataclasses.field(default_factory=dict)
    on_request: Callable[[bytes], None] = _nothing
    on_ready: Callable[[], None] = _nothing


@contextlib.contextmanager
def running(address: Address, hooks: Hooks) -> Iterator[int]:
    """Relay connections to ``address``; yield the port on 127.0.0.1 to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopping = threading.Event()

        def accept() -> None:
            while not stopping.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    threading.Thread(target=_relay, args=(client, address, hooks)).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        stopping.set()


def connect(address: Address) -> socket.socket:
    """Connect to a server."""
    if isinstance(address, str):
        server = socket.socket(socket.AF_UNIX)
        server.connect(address)
        return server
    return socket.create_connection(address)


def _relay(client: socket.socket, address: Address, hooks: Hooks) -> None:
    """Carry one connection's bytes until either side ends it."""

    def forward() -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                hooks.on_request(data)
                server.sendall(data)
        with contextlib.suppress(OSError):  # a client that was killed resets its connection
            server.shutdown(socket.SHUT_WR)

    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small messages
    with client, connect(address) as server:
        there = threading.Thread(target=forward)
        there.start()
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, length = _read(server, 1), int.from_bytes(_read(server, 4))
                body = _read(server, length - 4)
                for old, new in hooks.replacements.items():
                    body = body.replace(old, new)
                if kind == b"Z":
                    hooks.on_ready()
                client.sendall(kind + (len(body) + 4).to_bytes(4) + body)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        there.join()


def _read(connection: socket.socket, count: int) -> bytes:
    """Read exactly ``count`` bytes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def address_of(host: str, port: int) -> Address:
    """Return the address that a connection's host and port mean."""
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def other(url: str, **changes: str | None) -> str:
    """The connection string of ``url`` with other parameters."""
    parameters = conninfo.conninfo_to_dict(url) | changes
    return conninfo.make_conninfo("", **{k: v for k, v in parameters.items() if v is not None})


def through(url: str, port: int) -> str:
    """The connection string of ``url`` through the relay at ``port``."""
    return other(url, host="127.0.0.1", port=str(port), sslmode="disable", gssencmode="disable")
