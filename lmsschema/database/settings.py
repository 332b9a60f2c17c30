"""The settings of every connection, independent of those of its role or database.

Settings of a role (``ALTER ROLE ... SET``) or of a database would otherwise change how values are
read and printed, where tables are stored, and when a statement is cancelled. A session is set once.
Each transaction is set again: behind a pooler in transaction mode it may run in another session,
whose session-level settings must not be changed.
"""

import functools
from collections.abc import Mapping

from psycopg import sql

#: Seconds for which a statement waits for a lock, unless the caller says otherwise.
LOCK_TIMEOUT = 5.0

#: The same outside of transactions: CREATE and DROP DATABASE wait for copies of a template.
_SESSION_LOCK_TIMEOUT = "1min"

#: Value by setting. Left as the site has them: ``role`` and ``search_path``, which select the role
#: and the schema, and ``default_transaction_read_only``, which protects a database from changes.
STATE = {
    # how values and definitions are read and printed
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "timezone_abbreviations": "Default",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmlbinary": "base64",
    "xmloption": "content",
    "quote_all_identifiers": "off",
    "lc_numeric": "C",
    "lc_monetary": "C",
    "lc_time": "C",
    "client_min_messages": "notice",
    # what a statement means
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "escape_string_warning": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "default_text_search_config": "pg_catalog.simple",
    "check_function_bodies": "on",
    "row_security": "off",  # an error instead of rows silently hidden by a policy
    "synchronize_seqscans": "on",
    "gin_fuzzy_search_limit": "0",
    "exit_on_error": "off",
    # where objects are stored
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
    # when a statement or an idle transaction is ended; the latter, should the client hang
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "5min",
}

#: Settings that some supported versions or minor releases don't have.
_NEWER = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}

#: Settings that only a superuser may set, even to their current value.
_PRIVILEGED = {"session_replication_role": "origin"}

#: Turns transaction_timeout off for a transaction, where the server has it (PostgreSQL 17).
NO_TRANSACTION_TIMEOUT = sql.SQL(
    "CASE WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL"
    " THEN pg_catalog.set_config('transaction_timeout', '0', true) END"
)

#: The backend's process id, and when its transaction began in microseconds since 1970.
_BACKEND = sql.SQL(
    "pg_catalog.pg_backend_pid(),"
    " (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000000)::bigint"
)


def of_session(pid: int) -> sql.Composed:
    """Return the statement that sets a session's settings, unless a pooler shares the session.

    Args:
        pid: The backend's process id as libpq reports it. If the backend's real one differs, a
            pooler is in between, and the settings apply to this statement only.
    """
    ours = {
        "lock_timeout": _SESSION_LOCK_TIMEOUT,
        "idle_session_timeout": "0",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
    }
    return _select(STATE | ours, sql.SQL("pg_catalog.pg_backend_pid() <> {}").format(pid))


@functools.lru_cache(maxsize=16)
def of_transaction(
    schema: str, lock_timeout: float = LOCK_TIMEOUT, path: str | None = None
) -> sql.SQL:
    """Return the statement that sets the current transaction's settings.

    The last two columns of its row are the backend's process id, and when the transaction began in
    microseconds since 1970.

    Args:
        schema: The only schema in search_path, unless ``path`` is given.
        lock_timeout: Seconds for which a statement waits for a lock.
        path: The search_path; it begins with the schema.
    """
    own = {
        "search_path": path or sql.Identifier(schema).as_string(),
        "lock_timeout": f"{max(1, round(lock_timeout * 1000))}ms",
    }
    statement = sql.SQL("{}, {}").format(_select(STATE | own, sql.SQL("true")), _BACKEND)
    return sql.SQL(statement.as_string())  # each transaction begins with it: it is written once


def puts_state(text: str) -> bool:
    """Whether a statement's text is that of :func:`of_transaction`, for whatever schema."""
    return text.startswith(_PUTS_STATE)


def local(values: Mapping[str, str]) -> sql.Composed:
    """Return the statement that sets a transaction's settings, with ``values`` among them."""
    return _select({**STATE, **values}, sql.SQL("true"))


def _select(values: Mapping[str, str], is_local: sql.Composable) -> sql.Composed:
    """Return a SELECT with a set_config for each setting that the server has."""
    put = "pg_catalog.set_config({name}, {value}, {is_local})"
    differs = f"CASE WHEN pg_catalog.current_setting({{name}}, true) <> {{value}} THEN {put} END"
    return sql.SQL("SELECT {}").format(
        sql.SQL(", ").join(
            sql.SQL(text).format(name=name, value=value, is_local=is_local)
            for text, some in ((put, values), (differs, _NEWER | _PRIVILEGED))
            for name, value in some.items()
        )
    )


_PUTS_STATE = _select(STATE, sql.SQL("true")).as_string().partition(", CASE")[0]
