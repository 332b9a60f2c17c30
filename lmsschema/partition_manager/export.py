"""Writes a table's rows to a compressed file with a manifest, and loads such a file.

An export is verified by loading it into a scratch table, as ``partitions restore --from-export``
does, and comparing the rows: what was dropped has to come back.
"""

import csv
import dataclasses
import gzip
import hashlib
import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import LmsschemaError
from lmsschema.partition_manager.retention import parse_mark
from lmsschema.partitions import Policy

_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What an export holds; written beside it as JSON.

    Attributes:
        table: The table that was exported.
        partition_of: The table that it was a partition of.
        file: The file's name: CSV with a header, gzip.
        rows: Rows in it.
        first: The earliest partition key in it, as text; None: no row.
        last: The latest.
        sha256: Checksum of the file.
        bytes: Its size.
        columns: Its columns, in order; those that are generated are not in it.
        exported_at: When, by this machine's clock.
        bounds: The bounds that the table had as a partition, as SQL; empty where nothing says so.
    """

    table: str
    partition_of: str
    file: str
    rows: int
    first: str | None
    last: str | None
    sha256: str
    bytes: int
    columns: list[str]
    exported_at: str
    bounds: str = ""


def export(database: Database, policy: Policy, name: str, folder: Path) -> Manifest:
    """Write a table's rows; in a transaction that keeps others from changing them.

    The file and then the manifest are written under other names and renamed when they are whole.
    Nothing is overwritten: a name that is taken gets a number.

    Raises:
        LmsschemaError: The folder can't be written to, or what was written is not what was read.
    """
    conn = database.conn
    _settle(conn)
    columns = [
        column
        for (column,) in conn.execute(
            query("partition_manager/columns"), {"schema": database.schema, "table": name}
        ).fetchall()
    ]
    partial: Path | None = None
    try:
        path, partial = _begun(folder, name)
        _copy(conn, name, columns, partial)
        counted = conn.execute(
            sql.SQL("SELECT count(*), min({key})::text, max({key})::text FROM ONLY {table}").format(
                key=sql.Identifier(policy.key), table=sql.Identifier(name)
            )
        ).fetchone()
        rows, first, last = counted or (0, None, None)
        manifest = Manifest(
            name,
            policy.table,
            path.name,
            rows,
            first,
            last,
            _checksum(partial),
            partial.stat().st_size,
            columns,
            datetime.now(UTC).isoformat(timespec="seconds"),
            _bounds(conn, name),
        )
        verify(partial, manifest)
        _verify_reload(conn, partial, manifest)
        partial.rename(path)
        partial = None
        _write(_manifest(path), manifest)
        _sync_folder(folder)
    except OSError as error:
        raise _failure(name, folder, error) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return manifest


def discard(folder: Path, manifest: Manifest) -> None:
    """Remove an export whose table was not dropped after all: the next run writes its own."""
    path = folder / manifest.file
    for one in (path, _manifest(path)):
        one.unlink(missing_ok=True)


def read(path: Path) -> tuple[Path, Manifest]:
    """Return an export's file and manifest, given either; the file is what the manifest says.

    Raises:
        LmsschemaError: One of them is missing or can't be read, or the file is another one.
    """
    noted = path if path.suffix == ".json" else _manifest(path)
    try:
        manifest = Manifest(**json.loads(noted.read_text(encoding="utf-8")))
        file = noted.with_name(manifest.file)
        verify(file, manifest)
    except (OSError, EOFError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise LmsschemaError(
            f"the export {path} can't be read: {reason}",
            hint=f"An export is two files: NAME.csv.gz and its manifest, here {noted}.",
        ) from error
    return file, manifest


def load(conn: psycopg.Connection, path: Path, manifest: Manifest, into: sql.Composable) -> None:
    """Copy an export's rows into a table; in a transaction."""
    _settle(conn)
    statement = sql.SQL(
        "COPY {} ({}) FROM STDIN (FORMAT csv, HEADER MATCH, ENCODING 'UTF8')"
    ).format(into, _listed(manifest.columns))
    with (
        gzip.open(path, "rb") as stream,
        conn.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        while data := stream.read(_CHUNK):
            copy.write(data)


def prepare(name: str, folder: Path) -> None:
    """Make the folder, and see that files can be made in it.

    Raises:
        LmsschemaError: They can't.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _, partial = _begun(folder, name)
        partial.unlink()
    except OSError as error:
        raise _failure(name, folder, error) from error


def _failure(name: str, folder: Path, error: OSError) -> LmsschemaError:
    return LmsschemaError(
        f"{name} could not be exported to {folder}: {error.strerror or error}",
        hint="Nothing was dropped. Make room, or name another folder.",
    )


def verify(path: Path, manifest: Manifest) -> None:
    """Read a file again and compare it with its manifest.

    Raises:
        LmsschemaError: Checksum, columns or number of rows differ.
    """
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        rows = sum(1 for _ in reader)
    if _checksum(path) != manifest.sha256 or header != manifest.columns or rows != manifest.rows:
        raise LmsschemaError(
            f"the export {path} is not what was read from {manifest.table}: "
            f"{rows} rows instead of {manifest.rows}, or another checksum",
            hint="Nothing was dropped. Is the disk full or failing?",
        )


def _verify_reload(conn: psycopg.Connection, path: Path, manifest: Manifest) -> None:
    """Load a file into a scratch table and compare the rows with the table's.

    The scratch table is seen by no other session and gone when the transaction ends; unlogged, so
    that no publication has it.

    Raises:
        LmsschemaError: The rows differ, or the file can't be loaded.
    """
    table = sql.Identifier(manifest.table)
    scratch = sql.Identifier("lmsschema_export_check")
    try:
        conn.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING GENERATED)").format(scratch, table)
        )
        load(conn, path, manifest, scratch)
        sums = [_digest(conn, one, manifest.columns) for one in (table, scratch)]
        conn.execute(sql.SQL("DROP TABLE {}").format(scratch))
    except psycopg.DataError as error:
        raise _no_reload(path, manifest, str(error.diag.message_primary)) from error
    if sums[0] != sums[1]:
        raise _no_reload(path, manifest, "its rows are not those of the table")


def _no_reload(path: Path, manifest: Manifest, why: str) -> LmsschemaError:
    return LmsschemaError(
        f"the export {path} of {manifest.table} does not load again: {why}",
        hint="Nothing was dropped.",
    )


def _digest(
    conn: psycopg.Connection, table: sql.Identifier, columns: list[str]
) -> tuple[object, ...] | None:
    """Return the number of a table's rows and a sum over them that does not know their order."""
    return conn.execute(
        sql.SQL(
            "SELECT count(*), sum(pg_catalog.hashtextextended(ROW({})::text, 0)::numeric)"
            " FROM ONLY {}"
        ).format(_listed(columns), table)
    ).fetchone()


def _settle(conn: psycopg.Connection) -> None:
    """Set what else decides how a value is written, until the transaction ends."""
    conn.execute(
        "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = hex;"
        " SET LOCAL xmloption = content"
    )


def _bounds(conn: psycopg.Connection, name: str) -> str:
    """Return the bounds that a detached table's comment says it had."""
    row = conn.execute(
        sql.SQL("SELECT pg_catalog.obj_description({}::regclass, 'pg_class')").format(
            sql.Literal(sql.Identifier(name).as_string())
        )
    ).fetchone()
    mark, _ = parse_mark(row[0] if row else None)
    return "" if mark is None else mark.bounds


def _listed(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _copy(conn: psycopg.Connection, name: str, columns: list[str], path: Path) -> None:
    statement = sql.SQL(
        "COPY (SELECT {} FROM ONLY {}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')"
    ).format(_listed(columns), sql.Identifier(name))
    csv.field_size_limit(2**31 - 1)
    with path.open("wb") as raw:
        with (
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
            conn.cursor() as cursor,
            cursor.copy(statement) as copy,
        ):
            for data in copy:
                packed.write(data)
        raw.flush()
        os.fsync(raw.fileno())


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _begun(folder: Path, name: str) -> tuple[Path, Path]:
    """Return the name of a new file, and the empty file under which it is written.

    Several runs may export to one folder: a name is one's own from the moment that the file under
    which it is written is there, and nothing of its number is.
    """
    for number in itertools.count(1):
        path = folder / (f"{name}.csv.gz" if number == 1 else f"{name}-{number}.csv.gz")
        partial = path.with_suffix(".partial")
        try:
            partial.touch(exist_ok=False)
        except FileExistsError:
            continue
        if not path.exists() and not _manifest(path).exists():
            return path, partial
        partial.unlink()
    raise AssertionError  # there are more numbers than files


def _manifest(path: Path) -> Path:
    """Return the name of an export's manifest."""
    return path.with_name(f"{path.name.removesuffix('.csv.gz')}.json")


def _write(path: Path, manifest: Manifest) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(dataclasses.asdict(manifest), stream, indent=2)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
