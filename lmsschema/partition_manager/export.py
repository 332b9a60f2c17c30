"""Writes a table's rows to a compressed file with a manifest, and loads such a file.

An export is verified by loading it into a scratch table, as ``partitions restore --from-export``
does, and comparing the rows: what was dropped has to come back.
"""

import contextlib
import csv
import dataclasses
import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import LmsschemaError
from lmsschema.partition_manager import export_files
from lmsschema.partition_manager import manifest as manifests
from lmsschema.partition_manager.manifest import Manifest
from lmsschema.partition_manager.retention import parse_mark
from lmsschema.partitions import Policy


def export(database: Database, policy: Policy, name: str, folder: Path) -> Manifest:
    """Write a table's rows; in a transaction that keeps others from changing them.

    The file and then the manifest are written under other names and renamed when they are whole.
    Nothing is overwritten: a name that is taken gets a number. An export of the same rows that is
    there (a run was killed before it dropped the table) is verified, and not written again.

    Raises:
        LmsschemaError: The folder can't be written to, or what was written is not what was read.
    """
    conn = database.conn
    _settle(conn)
    wanted = _described(database, policy, name)
    try:
        for path, manifest in export_files.whole(folder, name):
            if dataclasses.replace(wanted, **_of_file(manifest)) == manifest:
                with contextlib.suppress(OSError, EOFError, LmsschemaError), conn.transaction():
                    _verify(conn, path, manifest)
                    return manifest
        with export_files.begun(folder, name) as (path, partial):
            _copy(conn, name, wanted.columns, partial)
            manifest = dataclasses.replace(
                wanted,
                file=path.name,
                sha256=manifests.checksum(partial),
                bytes=partial.stat().st_size,
                exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            _verify(conn, partial, manifest)
            partial.rename(path)
            manifests.write(manifests.path_of(path), manifest)
        manifests.sync_folder(folder)
    except OSError as error:
        raise _failure(name, folder, error) from error
    return manifest


def _described(database: Database, policy: Policy, name: str) -> Manifest:
    """Return the manifest of an export of a table as it is now, but for what its file is."""
    conn = database.conn
    columns = [
        column
        for (column,) in conn.execute(
            query("partition_manager/columns"), {"schema": database.schema, "table": name}
        ).fetchall()
    ]
    counted = conn.execute(
        sql.SQL("SELECT count(*), min({key})::text, max({key})::text FROM {table}").format(
            key=sql.Identifier(policy.key), table=sql.Identifier(name)
        )
    ).fetchone()
    rows, first, last = counted or (0, None, None)
    bounds = _bounds(conn, name)
    return Manifest(name, policy.table, "", rows, first, last, "", 0, columns, "", bounds)


def _of_file(manifest: Manifest) -> dict[str, Any]:
    """Return what of a manifest is the file's, and not the table's."""
    return {key: getattr(manifest, key) for key in ("file", "sha256", "bytes", "exported_at")}


def read(path: Path) -> tuple[Path, Manifest]:
    """Return an export's file and manifest, given either; the file is what the manifest says.

    Raises:
        LmsschemaError: One of them is missing or can't be read, or the file is another one.
    """
    noted = path if path.suffix == ".json" else manifests.path_of(path)
    try:
        manifest = manifests.read(noted)
        file = noted.with_name(manifest.file)
        manifests.verify(file, manifest)
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
        while data := stream.read(manifests.CHUNK):
            copy.write(data)


def prepare(name: str, folder: Path) -> None:
    """Make the folder, and see that files can be made in it.

    Raises:
        LmsschemaError: They can't.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with export_files.begun(folder, name):
            pass
    except OSError as error:
        raise _failure(name, folder, error) from error


def _failure(name: str, folder: Path, error: OSError) -> LmsschemaError:
    return LmsschemaError(
        f"{name} could not be exported to {folder}: {error.strerror or error}",
        hint="Nothing was dropped. Make room, or name another folder.",
    )


def _verify(conn: psycopg.Connection, path: Path, manifest: Manifest) -> None:
    """Compare a file with its manifest, and what it loads with the table.

    Raises:
        LmsschemaError: They differ.
    """
    manifests.verify(path, manifest)
    _verify_reload(conn, path, manifest)


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
            "SELECT count(*), sum(pg_catalog.hashtextextended(ROW({})::text, 0)::numeric) FROM {}"
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
        "COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')"
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
