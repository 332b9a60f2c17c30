"""The one state that every connection is in, whatever its role or database has set.

A setting of a role (``ALTER ROLE ... SET``) or of a database would otherwise change how values are
read and printed, where tables go, and when a statement ends. A session of our own gets the state
once; each transaction gets it again, since behind a pooler in transaction mode its session may be
another one, whose settings are not ours to change.
"""

from collections.abc import Mapping

from psycopg import sql

#: Seconds that a statement waits for a lock where the caller does not say.
LOCK_TIMEOUT = 5.0

#: As LOCK_TIMEOUT, outside of transactions: CREATE and DROP DATABASE wait for copies of a template.
_SESSION_LOCK_TIMEOUT = "1min"

#: Setting -> value. Not in it: ``role`` and ``search_path``, by which a site says who works where,
#: and ``default_transaction_read_only``, by which it says that nothing is to be changed.
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
    "row_security": "off",  # an error, where a policy would hide rows from us
    "synchronize_seqscans": "on",
    "gin_fuzzy_search_limit": "0",
    "exit_on_error": "off",
    # where something is put
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
    # when it ends; a transaction that is left open by a client that hangs ends, too
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "5min",
}

#: Those that not every minor release has.
_NEWER = {"transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""}

#: Those that only a superuser may set, even to what they are.
_PRIVILEGED = {"session_replication_role": "origin"}

#: What lets a transaction take its time, as statement_timeout does; the setting is PostgreSQL 17's.
NO_TRANSACTION_TIMEOUT = sql.SQL(
    "CASE WHEN pg_catalog.current_setting('transaction_timeout', true) IS NOT NULL"
    " THEN pg_catalog.set_config('transaction_timeout', '0', true) END"
)

#: Who the transaction's backend is.
_BACKEND = sql.SQL(
    "pg_catalog.pg_backend_pid(),"
    " (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000000)::bigint"
)


def of_session(pid: int) -> sql.Composed:
    """Return the statement that puts a session into the state, if it is our own.

    Args:
        pid: The process that the connection believes to be its own. Behind a pooler it is another
            one's, and the settings end with the statement.
    """
    ours = {
        "lock_timeout": _SESSION_LOCK_TIMEOUT,
        "idle_session_timeout": "0",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
    }
    return _select(STATE | ours, sql.SQL("pg_catalog.pg_backend_pid() <> {}").format(pid))


def of_transaction(schema: str, lock_timeout: float = LOCK_TIMEOUT) -> sql.Composed:
    """Return the statement that puts the current transaction into the state.

    The last two columns of its row are the server's process, and when the transaction began.

    Args:
        schema: The one schema in which names resolve.
        lock_timeout: Seconds that a statement waits for a lock at most.
    """
    own = {
        "search_path": sql.Identifier(schema).as_string(),
        "lock_timeout": f"{max(1, round(lock_timeout * 1000))}ms",
    }
    return sql.SQL("{}, {}").format(_select(STATE | own, sql.SQL("true")), _BACKEND)


def puts_state(text: str) -> bool:
    """Whether a statement's text is that of :func:`of_transaction`, for whatever schema."""
    return text.startswith(_PUTS_STATE)


def local(values: Mapping[str, str]) -> sql.Composed:
    """Return the statement that puts a transaction into the state, and sets ``values``."""
    return _select({**STATE, **values}, sql.SQL("true"))


def _select(values: Mapping[str, str], is_local: sql.Composable) -> sql.Composed:
    """Return a SELECT with a set_config for each setting; what the server lacks is left out."""
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
