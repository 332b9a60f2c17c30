"""What a worker does with a tenant: the command of the same name, without its printing."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from lmsschema.cli.tenants._common import of_schema
from lmsschema.errors import FindingsError

if TYPE_CHECKING:
    from lmsschema.database.configuration import SchemaExtension
    from lmsschema.database.connection import Database
    from lmsschema.migration.measure import Measurements
    from lmsschema.migration.retry import Retry
    from lmsschema.partitions import Policy


@cache
def _measurements() -> "Measurements":
    """Return what this worker has measured."""
    from lmsschema.migration.measure import Measurements

    return Measurements()


def upgrade(
    database: "Database",
    *,
    revision: str,
    allow: Collection[str],
    retry: "Retry",
    wait: float,
    shadow_url: str | None,
    canaries: Collection[str],
    ignore: Sequence[str],
    declare: "Sequence[SchemaExtension]",
    policies: "Sequence[Policy]",
) -> dict[str, Any]:
    """Upgrade a tenant; a canary must then be as declared."""
    from lmsschema.migration.upgrade import upgrade

    done = upgrade(
        database,
        revision,
        wait=wait,
        retry=retry,
        allow=allow,
        shadow_url=shadow_url,
        measurements=_measurements(),
    )
    if database.schema in canaries:
        drift = check(database, ignore=ignore, declare=declare, policies=policies)["drift"]
        if drift:
            raise FindingsError(
                f"upgraded to {done.after}; then {len(drift)} objects are not as declared: "
                + "; ".join(drift[:3]),
                hint=f"To see them: {of_schema('check', database.schema)}",
            )
    return {"from": done.before, "to": done.after, "applied": list(done.applied)}


def ensure(database: "Database", *, policies: "Sequence[Policy]", wait: float) -> dict[str, Any]:
    """Make a tenant's partitions."""
    from lmsschema.cli.partitions._common import outcome_data
    from lmsschema.locks.context import Context, Patience
    from lmsschema.partition_manager import ensure
    from lmsschema.partition_manager.refusals import Refusals

    context = Context(database, Patience(total=wait))
    outcomes, refusals = [], Refusals()
    for policy in policies:
        with refusals.kept():
            outcomes.append(ensure.ensure(context, policy))
    refusals.raise_any()
    blocked = [(one.default, part.name) for one in outcomes for part in one.blocked]
    if blocked:
        raise FindingsError(
            f"rows in {blocked[0][0]} block {', '.join(name for _, name in blocked)}",
            hint=of_schema("partitions heal", database.schema),
        )
    return {"tables": [outcome_data(outcome) for outcome in outcomes]}


def check(
    database: "Database",
    *,
    ignore: Sequence[str],
    declare: "Sequence[SchemaExtension]",
    policies: "Sequence[Policy]",
) -> dict[str, Any]:
    """Compare a tenant with the declared schema; what differs is data, in words."""
    from lmsschema.drift import check, text

    report = check.run(database, ignore=ignore, declare=declare, policies=policies)
    return {
        "revision": report.revision,
        "pending": list(report.pending),
        "drift": [text.describe(one) for one in (*report.drift, *report.changing)],
        "unmanaged": [text.describe(one) for one in report.unmanaged],
    }
