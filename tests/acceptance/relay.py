"""A relay before a real server that changes what the server says of itself, and nothing else."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def running(address: tuple[str, int] | str, replacements: Mapping[bytes, bytes]) -> Iterator[int]:
    """Relay connections to ``address``; yield the port on 127.0.0.1 to connect to.

    Args:
        address: The server's host and port, or its socket's path.
        replacements: What to replace in the server's messages. Outside the parameters that the
            server reports at start-up, a replacement must keep its length.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopping = threading.Event()

        def accept() -> None:
            while not stopping.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    threading.Thread(target=_relay, args=(client, address, replacements)).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        stopping.set()


def _connect(address: tuple[str, int] | str) -> socket.socket:
    if isinstance(address, str):
        server = socket.socket(socket.AF_UNIX)
        server.connect(address)
        return server
    return socket.create_connection(address)


def _relay(
    client: socket.socket, address: tuple[str, int] | str, replacements: Mapping[bytes, bytes]
) -> None:
    """Carry one connection's bytes until either side ends it."""

    def forward() -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    with client, _connect(address) as server:
        there = threading.Thread(target=forward)
        there.start()
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, length = _read(server, 1), int.from_bytes(_read(server, 4))
                body = _read(server, length - 4)
                for old, new in replacements.items():
                    body = body.replace(old, new)
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
