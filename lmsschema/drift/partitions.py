"""What a database's partitions should be: those that the policy explains, each as its table is."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from lmsschema.database.catalog import Attributes, Catalog, Identity, Value
from lmsschema.drift.compare import SITE_ATTRIBUTES, Difference, Problem
from lmsschema.partition_manager.retention import parse_mark
from lmsschema.partition_manager.state import parse_bounds, unfinished_mark
from lmsschema.partitions import (
    Create,
    Partition,
    Policy,
    Range,
    for_values,
    gaps,
    plan,
    plan_range,
)

#: What a partition has under its parent's name, and says so.
_INHERITED = frozenset(
    {"index", "primary key", "unique", "exclusion", "foreign key", "check", "trigger"}
)
#: What a partition has as well, though PostgreSQL does not make it.
_COPIED = frozenset({"column", "policy", "statistics"})


#: The major version since which a partition has the identity of its table's columns.
_WITH_IDENTITY = 17


@dataclasses.dataclass(frozen=True)
class Expectation:
    """Two catalogs ready to be compared, and what is known to differ already."""

    expected: Catalog
    found: Catalog
    differences: list[Difference]


def expect(
    expected: Catalog, found: Catalog, policies: Iterable[Policy], now: datetime
) -> Expectation:
    """Replace the declared partitions by those that a database with its own history should have.

    Args:
        expected: The declared schema.
        found: The database's.
        policies: The policies of the partitioned tables.
        now: The database's time, from which partitions must exist.
    """
    declared = dict(expected.objects)
    actual = dict(found.objects)
    differences: list[Difference] = []
    unfinished: list[Difference] = []
    for policy in policies:
        parent = Identity(policy.table, "table", policy.table)
        for name in list(_partitions(declared, policy)):
            _remove(declared, name)
        if parent not in declared or actual.get(parent, {}).get("partition key") is None:
            continue  # that is a difference of the table itself
        there = _partitions(actual, policy)
        unfinished += _unfinished(actual, policy)
        differences += _missing(policy, there, actual, now)
        said = {one.identity for one in differences if one.problem is Problem.CHANGED}
        # a table that lmsschema detached is kept until it is dropped
        said |= {identity for identity, attributes in actual.items() if _pruned(attributes)}
        for identity in said:
            _remove(actual, identity.relation)
        _rename_statistics(actual, declared, policy, there)
        for name, bounds in there.items():
            own = _as_partition(declared, actual, policy, name, _right(policy, name, bounds))
            if found.version < _WITH_IDENTITY:
                own = {
                    one: {**attributes, "identity": None} if one.kind == "column" else attributes
                    for one, attributes in own.items()
                }
            declared |= own
    return Expectation(
        dataclasses.replace(expected, objects=declared),
        dataclasses.replace(found, objects=actual),
        differences + unfinished,
    )


def fold(differences: Iterable[Difference], found: Catalog) -> list[Difference]:
    """Return the differences without those that a partition merely shares with its table."""
    tables = {
        identity.name: attributes.get("partition of")
        for identity, attributes in found.objects.items()
        if identity.name == identity.relation
    }
    listed = list(differences)
    shapes = {(one.identity.relation, _shape(one)) for one in listed}
    return [one for one in listed if (tables.get(one.identity.relation), _shape(one)) not in shapes]


def _shape(difference: Difference) -> tuple[object, ...]:
    """Return what a difference is, but for the relation that it is on."""
    identity = difference.identity
    name = "" if identity.name == identity.relation else identity.name
    values = (repr(difference.expected), repr(difference.found))
    return identity.kind, name, difference.problem, difference.attribute, *values


def _partitions(objects: dict[Identity, Attributes], policy: Policy) -> dict[str, str]:
    """Return the name and the bounds of each of a table's partitions."""
    return {
        identity.name: str(attributes["bounds"])
        for identity, attributes in objects.items()
        if identity.kind in {"table", "foreign table"}
        and attributes.get("partition of") == policy.table
    }


def _remove(objects: dict[Identity, Attributes], relation: str) -> None:
    """Remove a relation and what belongs to it."""
    for identity in [identity for identity in objects if identity.relation == relation]:
        del objects[identity]


def _missing(
    policy: Policy, there: dict[str, str], actual: dict[Identity, Attributes], now: datetime
) -> Iterator[Difference]:
    """Yield the partitions that are not there: not made, detached, or missing between others."""
    detached = {
        identity.name
        for identity, attributes in actual.items()
        if identity.kind == "table"
        and identity.name not in there
        and not _pruned(attributes)
        and (identity.name == policy.default_name or _start(policy, identity.name) is not None)
    }
    for name in sorted(detached):
        identity = Identity(name, "table", name)
        yield Difference(identity, Problem.CHANGED, "partition of", policy.table, None)
    partitions = [
        Partition(name, parse_bounds(bounds))  # an unfinished detach is a difference of its own
        for name, bounds in there.items()
    ]
    creates = [a for a in plan(policy, partitions, now) if isinstance(a, Create)]
    ranges = [p.range for p in partitions if p.range is not None]
    lowers = [r.lower for r in ranges if r.lower is not None]
    if lowers and min(lowers) < policy.start(now):
        creates.extend(
            Create(plan_range(policy, partitions, hole)[0].name, hole)
            for hole in gaps(Range(min(lowers), policy.start(now)), ranges)
        )
    for create in creates:
        if create.name not in detached:
            identity = Identity(create.name, "table", create.name)
            yield Difference(identity, Problem.MISSING, expected=for_values(create.range))


def _pruned(attributes: Attributes) -> bool:
    """Whether it is a table that lmsschema itself detached, to be dropped later."""
    comment = attributes.get("comment")
    if not comment or attributes.get("partition of") is not None:
        return False
    mark, _ = parse_mark(str(comment))
    return mark is not None


def _unfinished(actual: dict[Identity, Attributes], policy: Policy) -> list[Difference]:
    """Take away what a move of the default's rows has made so far; return that it is there."""
    mark = unfinished_mark(policy)
    tables = {
        identity.name
        for identity, attributes in actual.items()
        if identity.kind == "table" and attributes.get("comment") == mark
    }
    names = {policy.log_name, f"{policy.log_name}_truncate", f"{policy.log_name}()"}
    for identity in list(actual):
        noted = identity.kind in {"trigger", "function"} and identity.name in names
        if identity.relation in tables or noted:
            del actual[identity]
    table = Identity(policy.table, "table", policy.table)
    value = "an unfinished one (lmsschema partitions heal ends it)"
    return [Difference(table, Problem.CHANGED, "move of rows", None, value)] if tables else []


def _right(policy: Policy, name: str, bounds: str) -> str:
    """Return the bounds that a partition of that name and place should have.

    Any run of whole intervals is right (a year made by hand, a default that was promoted), unless
    the name says that it begins elsewhere.
    """
    found = parse_bounds(bounds)
    if found is None:
        return bounds
    start = _start(policy, name)
    on_grid = all(
        instant is not None and policy.start(instant) == instant
        for instant in (found.lower, found.upper)
    )
    if on_grid and start in (None, found.lower):
        return bounds
    inside = start or found.lower
    if inside is None:  # from MINVALUE on: its last interval
        inside = (found.upper or datetime.max.replace(tzinfo=UTC)) - timedelta(microseconds=1)
    return for_values(policy.interval_of(inside))


def _start(policy: Policy, name: str) -> datetime | None:
    """Return the start of the interval whose partition would have that name, if there is one."""
    match = re.fullmatch(
        rf"{re.escape(policy.table)}_(\d{{4}})_(?:w(\d\d)|(\d\d)(?:_(\d\d))?)", name
    )
    if match is None:
        return None
    year, week, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        if week:
            start = datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC)
        else:
            start = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:
        return None
    return start if policy.name(policy.start(start)) == name else None


def _as_partition(
    declared: dict[Identity, Attributes],
    actual: dict[Identity, Attributes],
    policy: Policy,
    name: str,
    bounds: str,
) -> dict[Identity, Attributes]:
    """Return the objects of a partition: those of its table, with its own name and bounds.

    Owner and grants are those that its table has in the database, whoever gave them.
    """
    objects: dict[Identity, Attributes] = {}
    for identity, attributes in declared.items():
        if identity.relation != policy.table:
            continue
        changes: dict[str, Value] = {}
        here = identity._replace(
            relation=name, name=name if identity.kind == "table" else identity.name
        )
        if identity.kind in _INHERITED:
            changes = {"inherited": True}
        elif identity.kind == "column" and attributes.get("not null constraint") is not None:
            changes = {"not null constraint": "(of the parent)"}
        elif identity.kind == "table":
            changes = {
                # whether a month is divided further is a site's own
                "partition key": (own_key := actual.get(here, {}).get("partition key")),
                "partition of": policy.table,
                "bounds": bounds,
                "access method": attributes.get("access method") or (None if own_key else "heap"),
            }
        elif identity.kind not in _COPIED:
            continue
        if identity.kind in {"table", "column"}:
            site = actual.get(identity, {})
            changes |= {key: site.get(key) for key in SITE_ATTRIBUTES}
        if bounds == "DEFAULT" and "grants" in changes:
            found = actual.get(here, {}).get("grants")
            changes["grants"] = _with_own_grants(changes["grants"], found)
        objects[here] = {**attributes, **changes}
    return objects


def _with_own_grants(wanted: Value, found: Value) -> Value:
    """Return the grants of a default partition: its table's, and those that it has itself."""
    if not isinstance(found, list):
        return wanted
    needed = wanted if isinstance(wanted, list) else []
    return found if all(one in found for one in needed) else wanted


def _rename_statistics(
    actual: dict[Identity, Attributes],
    declared: dict[Identity, Attributes],
    policy: Policy,
    partitions: Iterable[str],
) -> None:
    """Give extended statistics of partitions, whose names are free, the names of the table's."""
    names = {
        str((attributes.get("columns"), attributes.get("kinds"))): identity.name
        for identity, attributes in declared.items()
        if identity.relation == policy.table and identity.kind == "statistics"
    }
    own = [i for i in actual if i.kind == "statistics" and i.relation in set(partitions)]
    for identity in own:
        attributes = actual[identity]
        name = names.get(str((attributes.get("columns"), attributes.get("kinds"))), identity.name)
        actual.setdefault(identity._replace(name=name), actual.pop(identity))
