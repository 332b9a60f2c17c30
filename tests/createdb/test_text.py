"""How a new database keeps text, whatever the server's default is."""

import contextlib
import subprocess
import time
from collections.abc import Iterator

import psycopg
import pytest

from lmsschema.testing import binaries
from lmsschema.testing.databases import url as url_of
from lmsschema.testing.servers import RunningServer
from tests.support import own_servers
from tests.support.clocked import missing, run_as
from tests.support.program import Program


def text_of(server: str, name: str) -> tuple[object, ...] | None:
    with psycopg.connect(server) as conn:
        return conn.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = %s",
            [name],
        ).fetchone()


@pytest.fixture
def name(lmsschema: Program, lms_server: RunningServer) -> Iterator[str]:
    name = "text_of_its_own"
    yield name
    lmsschema("dropdb", name, "--yes", "--url", lms_server.url)


@pytest.mark.parametrize("options", [("--no-template",), ()])
def test_another_encoding_than_the_server_s(
    lmsschema: Program, lms_server: RunningServer, name: str, options: tuple[str, ...]
) -> None:
    made = lmsschema("createdb", name, "--encoding", "LATIN1", *options, "--url", lms_server.url)
    assert made.code == 0, made.err
    assert text_of(lms_server.url, name) == ("LATIN1", "C")
    assert lmsschema("check", "--url", url_of(lms_server.url, name)).code == 0
    with psycopg.connect(lms_server.url, autocommit=True) as conn:
        for (template,) in conn.execute(
            "SELECT datname FROM pg_database WHERE datistemplate"
            " AND datname LIKE 'lmsschema%' AND pg_encoding_to_char(encoding) = 'LATIN1'"
        ).fetchall():
            conn.execute(f'ALTER DATABASE "{template}" IS_TEMPLATE false'.encode())
            conn.execute(f'DROP DATABASE "{template}"'.encode())


def test_a_locale(lmsschema: Program, lms_server: RunningServer, name: str) -> None:
    made = lmsschema("createdb", name, "--locale", "C", "--no-template", "--url", lms_server.url)
    assert made.code == 0, made.err
    assert text_of(lms_server.url, name) == ("UTF8", "C")


@pytest.mark.parametrize(
    "options",
    [("--locale", "xx_YY"), ("--encoding", "LATIN1", "--locale", "C.UTF-8"), ("--encoding", "X")],
)
def test_what_the_server_has_not_is_wrong_usage(
    lmsschema: Program, lms_server: RunningServer, name: str, options: tuple[str, ...]
) -> None:
    refused = lmsschema("createdb", name, *options, "--url", lms_server.url)
    assert refused.code == 2, refused.err
    assert text_of(lms_server.url, name) is None
    assert lmsschema("createdb", name, "--encoding", "SQL_ASCII").code == 2


def test_on_a_server_whose_own_text_is_latin1(lmsschema: Program) -> None:
    """A locale of libc for LATIN1 is compiled, and a cluster made with it."""
    with latin1_server() as url:
        assert text_of(url, "template0") == ("LATIN1", "en_US.ISO-8859-1")
        made = lmsschema("createdb", "lms", "--url", url)
        assert made.code == 0, made.err
        assert (text_of(url, "lms") or ("",))[0] == "UTF8"
        assert lmsschema("check", "--url", url_of(url, "lms")).code == 0


@contextlib.contextmanager
def latin1_server() -> Iterator[str]:
    """Start a server on a cluster that was made for LATIN1; yield its URL."""
    programs = binaries.find(own_servers.VERSION)
    with own_servers.passable_folder() as folder:
        for name, charset, source in (
            ("en_US.ISO-8859-1", "ISO-8859-1", "en_US"),
            ("C.UTF-8", "UTF-8", "C"),
        ):
            argv = ["localedef", "-f", charset, "-i", source, "--no-archive", str(folder / name)]
            if subprocess.run(argv, capture_output=True, check=False).returncode:
                missing("localedef, with the sources of locales")
        folder.chmod(0o777)
        data = folder / "data"
        with_locales = ("/usr/bin/env", f"LOCPATH={folder}")
        initdb = ("-D", str(data), "-U", "postgres", "-A", "trust", "--locale=en_US.ISO-8859-1")
        made = run_as(
            "postgres",
            *with_locales,
            str(programs / "initdb"),
            *initdb,
            "--locale=en_US.ISO-8859-1",
        )
        assert made.wait(120) == 0
        listens = ("-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off")
        server = run_as(
            "postgres", *with_locales, str(programs / "postgres"), "-D", str(data), *listens
        )
        try:
            url = f"postgresql://postgres@/postgres?host={folder}"
            deadline = time.monotonic() + 60
            while True:
                try:
                    psycopg.connect(url).close()
                    break
                except psycopg.OperationalError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait()
