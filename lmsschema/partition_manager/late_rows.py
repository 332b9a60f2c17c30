"""Rows of a detached month that came into the default partition since: restored with it."""

import dataclasses

from psycopg import errors, sql

from lmsschema import names
from lmsschema.database.connection import Database
from lmsschema.database.queries import query
from lmsschema.errors import UnsafeError
from lmsschema.partition_manager import promote, publications, referrers, statements
from lmsschema.partition_manager.state import State
from lmsschema.partitions import Attach, Create, Policy

#: As many rows are moved under the locks of a restore (0.1 s for 10,000), not more.
MANY = 20_000


@dataclasses.dataclass(frozen=True)
class LateRows:
    """The rows of the default that belong to a table which is to be attached."""

    database: Database
    policy: Policy
    to: Attach

    def count(self, default: str, limit: int) -> int:
        """Count them, up to a limit; in a transaction."""
        row = self.database.conn.execute(
            sql.SQL("SELECT count(*) FROM (SELECT FROM {} WHERE {} LIMIT {}) AS l").format(
                sql.Identifier(default),
                promote.within(self.policy, self.to.range),
                sql.Literal(limit),
            )
        ).fetchone()
        return int(row[0]) if row else 0

    def refuse(self, state: State, many: int) -> None:
        """Raise UnsafeError if there are any that can't be moved: before anything is changed."""
        if state.default is None:
            return
        with self.database.transaction(read_only=True):
            count = self.count(state.default, many + 1)
            if count:
                referrers.refuse_if_any(self.database, self.policy)
            self.refuse_many(state, count, many)
        if count:
            publications.refuse_if_any(
                self.database, self.policy, state.default, copies=True, replaced=False
            )

    def refuse_many(self, state: State, count: int, many: int) -> None:
        """Raise UnsafeError if there are more than are moved under locks; in a transaction."""
        if count > many:
            raise self._too_many(state, many)

    def take(self, default: str) -> int:
        """Move them, attach the table, and leave the default as it was; return how many.

        Under the locks of :func:`lmsschema.partition_manager.promote.needed`.

        Raises:
            UnsafeError: A row has the key of one that the table has.
        """
        database, policy = self.database, self.policy
        listed = publications.leave(database, default)
        database.conn.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(
                sql.Identifier(policy.table), sql.Identifier(default)
            )
        )
        inside = promote.within(policy, self.to.range)
        try:
            moved = promote.transfer(database, policy, default, self.to.name, inside)
        except errors.UniqueViolation as error:
            raise UnsafeError(
                f"a row of {default} can't go with {self.to.name}: {error.diag.message_detail}",
                hint=f"Delete or correct it in {default}, then run the command again.",
            ) from None
        attached = [
            statements.attach(policy, self.to),
            statements.attach(policy, Create(default, None)),
        ]
        database.conn.execute(sql.SQL("; ").join(attached))
        publications.join(database, default, listed)
        return moved

    def _too_many(self, state: State, many: int) -> UnsafeError:
        """Return the error, with what makes a partition of the late rows and adds the others."""
        name, bounds = self.to.name, self.to.range
        old = sql.Identifier(names.shortened(f"{name}_detached"))
        rows = self.database.conn.execute(
            query("partition_manager/columns"), {"schema": self.database.schema, "table": name}
        ).fetchall()
        columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in rows)
        first, then = (
            sql.SQL(text)
            .format(
                name=sql.Identifier(name),
                old=old,
                table=sql.Identifier(self.policy.table),
                columns=columns,
            )
            .as_string()
            for text in (
                "ALTER TABLE {name} RENAME TO {old}; COMMENT ON TABLE {old} IS NULL;",
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM {old}; DROP TABLE {old};",
            )
        )
        years = 10 if bounds.lower is None else state.now.year - bounds.lower.year + 1
        heal = "lmsschema partitions heal" + (f" --reach {years}y;" if years >= 10 else ";")  # noqa: PLR2004  what heal reaches by itself
        return UnsafeError(
            f"more than {many} rows of {state.default} belong to {name}: to move them would lock "
            f"{self.policy.table} for too long",
            hint=f"Have them moved without, and copy those of {name}: {first} {heal} {then}",
            details={"partition": name},
        )
