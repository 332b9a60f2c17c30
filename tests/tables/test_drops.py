"""What is dropped, against all ways to drop: what the definition says, in exact fractions."""

import itertools
from decimal import Decimal
from fractions import Fraction

import hypothesis
import psycopg
from hypothesis import strategies as st
from psycopg.rows import DictRow

Conn = psycopg.Connection[DictRow]

#: Score, points, weight and kind of each assessment of a group.
Case = list[tuple[Decimal, Decimal, Decimal, int]]

#: Score and points possible, both with decimals.
POINTS = st.integers(1, 400).map(lambda n: Decimal(n) / 4)


@st.composite
def assessments(draw: st.DrawFn) -> tuple[Decimal, Decimal, Decimal, int]:
    """Score, points, weight and kind of an assessment."""
    points = draw(POINTS)
    score = Decimal(draw(st.integers(0, int(points * 4) + 8))) / 4  # bonus points, too
    kind = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    return score, points, Decimal(draw(st.integers(0, 5))), kind


def parts(
    case: Case, aggregation: str
) -> tuple[list[tuple[Fraction, Fraction]], list[tuple[Fraction, Fraction]]]:
    """Return what may be dropped and what may not, each as its part of sum(m) and of sum(n)."""
    free: list[tuple[Fraction, Fraction]] = []
    fixed: list[tuple[Fraction, Fraction]] = []
    for score, points, weight, kind in case:
        each = {
            "points": Fraction(points),
            "equal": Fraction(1),
            "weights": Fraction(weight),
        }[aggregation]
        pair = each * Fraction(score) / Fraction(points), Fraction(0) if kind == 2 else each
        (free if kind == 0 and pair[1] > 0 else fixed).append(pair)
    return free, fixed


def ratio(kept: tuple[tuple[Fraction, Fraction], ...]) -> Fraction:
    return sum((m for m, _ in kept), Fraction(0)) / sum((n for _, n in kept), Fraction(0))


def by_brute_force(
    free: list[tuple[Fraction, Fraction]],
    fixed: list[tuple[Fraction, Fraction]],
    low: int,
    high: int,
) -> Fraction:
    """Return the best that dropping the low leaves of the worst that dropping the high does.

    It is a saddle point: which of the two is chosen first makes no difference.
    """
    places = range(len(free))
    return max(
        min(
            ratio((*(free[i] for i in places if i not in {*lows, *highs}), *fixed))
            for highs in itertools.combinations([i for i in places if i not in lows], high)
        )
        for lows in itertools.combinations(places, low)
    )


def found(
    conn: Conn,
    case: Case,
    aggregation: str,
    low: int,
    high: int,
) -> Fraction | None:
    columns = [list(column) for column in zip(*case, strict=True)]
    row = conn.execute(
        "SELECT * FROM group_ratio(%s, %s::numeric[], %s::numeric[], %s, %s, %s, %s)",
        [*columns, aggregation, low, high],
    ).fetchone()
    assert row is not None
    numerator, denominator = Fraction(row["numerator"]), Fraction(row["denominator"])
    return numerator / denominator if denominator else None


CASES = st.tuples(
    st.lists(assessments(), min_size=1, max_size=7),
    st.sampled_from(["points", "equal", "weights"]),
    st.integers(0, 4),
    st.integers(0, 4),
)


@hypothesis.settings(
    max_examples=400, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(CASES)
def test_it_is_what_all_ways_to_drop_say(conn: Conn, given: tuple[Case, str, int, int]) -> None:
    case, aggregation, lowest, highest = given
    free, fixed = parts(case, aggregation)
    low = max(0, min(lowest, len(free) - 1))  # one stays
    high = max(0, min(highest, len(free) - 1 - low))
    counted = sum((n for _, n in [*free, *fixed]), Fraction(0))
    expected = by_brute_force(free, fixed, low, high) if counted else None
    assert found(conn, case, aggregation, lowest, highest) == expected


@hypothesis.settings(
    max_examples=200, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(CASES, st.integers(0, 6), POINTS)
def test_a_better_score_never_makes_a_worse_grade(
    conn: Conn,
    given: tuple[Case, str, int, int],
    place: int,
    more: Decimal,
) -> None:
    case, aggregation, low, high = given
    better = list(case)
    score, *rest = better[place % len(case)]
    better[place % len(case)] = (score + more, *rest)  # type: ignore[assignment]  # three are left
    before = found(conn, case, aggregation, low, high)
    after = found(conn, better, aggregation, low, high)
    assert (before is None and after is None) or (
        before is not None and after is not None and after >= before
    )


@hypothesis.settings(
    max_examples=200, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 4), st.integers(1, 10**4)
)
def test_a_percentage_is_exact_and_rounded_half_up(
    conn: Conn, numerator: int, denominator: int, digits: int, ties: int
) -> None:
    tie = 2 * numerator + 1, 2 * 10 ** (digits + 2) * ties
    for top, bottom in ((numerator, denominator), tie):
        row = conn.execute(
            "SELECT grade_percentage(%s::numeric, %s::numeric, %s) AS p", [top, bottom, digits]
        ).fetchone()
        exact = Fraction(100 * top, bottom) * 10**digits
        assert row is not None
        assert Fraction(row["p"]) * 10**digits == (exact + Fraction(1, 2)).__floor__()
