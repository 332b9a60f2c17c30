"""${message.replace("\\", "/").replace('"', "'").rstrip(".")}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

# It runs on a live database, in one transaction: what it locks stays locked until its end.
# Delete this comment once every rule is met.
#
# - Frozen: import nothing of lmsschema but lmsschema.ddl, and never change a revision that was released.
# - ALTER TABLE, DROP and TRUNCATE mostly take ACCESS EXCLUSIVE: while one waits, every later reader
#   waits behind it. One busy table a revision. lock_timeout is set; whoever runs it retries.
# - ADD COLUMN: a constant DEFAULT is free, a volatile one (gen_random_uuid()) rewrites the table,
#   and so does nearly every change of a type. Either stops all readers for as long as it takes.
# - CHECK and FOREIGN KEY: ADD CONSTRAINT ... NOT VALID in one revision, VALIDATE CONSTRAINT in the
#   next. SET NOT NULL reads the whole table unless a validated CHECK (... IS NOT NULL) spares it.
#   A foreign key on a partitioned table can't be NOT VALID before PostgreSQL 18.
# - CREATE INDEX stops all writers of a table that has rows. The step Index of lmsschema.ddl.index
#   builds it CONCURRENTLY, with a limit to what it waits for, and drops what an earlier try left
#   INVALID; PartitionedIndex of lmsschema.ddl.partitioned_index does so for learning_events.
#   DROP INDEX stops all readers, too: DropIndex and DropPartitionedIndex wait for their locks. A
#   revision of steps lists them in STEPS, and its upgrade() is steps.apply(op, STEPS) alone, as in
#   0004_integrity: steps and statements don't mix, and op.get_context().autocommit_block() is refused.
# - A label added to an enum can't be used in the transaction that added it. None can be
#   removed: docs/upgrade.md has the steps that retire one.
# - UPDATE and DELETE of many rows do not belong here: they go in batches, outside of a revision.
# - Partitions are made by the partition manager, never by a revision.
# - Name every constraint and index, in 63 bytes at most; no schema's name.
# - op.execute() takes ":name" in its text for a parameter: write "\\:name". "%" is left alone.
# - downgrade() leaves nothing behind, types included, and never says CASCADE.

% if "sa." in (upgrades or "") + (downgrades or ""):
import sqlalchemy as sa
% endif
from alembic import op
% if imports:
${imports}
% endif

revision = "${up_revision}"
down_revision = ${f'"{down_revision}"' if down_revision else None}
branch_labels = None
depends_on = None

% if upgrades:


def upgrade() -> None:
    ${upgrades}


def downgrade() -> None:
    ${downgrades}
% else:

UPGRADE: tuple[str, ...] = ()

DOWNGRADE: tuple[str, ...] = ()


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
% endif
