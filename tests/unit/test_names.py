"""Names that PostgreSQL keeps whole: counted in bytes, whatever the characters take."""

from hypothesis import given
from hypothesis import strategies as st

from lmsschema import names

#: Characters of one to four bytes; what can't be encoded is no name.
NAMES = st.text(st.characters(codec="utf-8"), max_size=200)


@given(NAMES)
def test_a_shortened_name_fits_and_can_be_encoded(name: str) -> None:
    shortened = names.shortened(name)
    assert len(shortened.encode()) <= 63
    assert shortened.encode().decode() == shortened


@given(st.text(st.characters(codec="utf-8"), min_size=63, max_size=80), NAMES, NAMES)
def test_different_names_stay_different(start: str, one: str, other: str) -> None:
    """Even where all that differs lies beyond what is kept."""
    assert (names.shortened(start + one) == names.shortened(start + other)) == (one == other)


@given(NAMES)
def test_a_name_that_fits_stays_as_it_is(name: str) -> None:
    assert (names.shortened(name) == name) == names.fits(name)


@given(NAMES, st.integers(0, 63))
def test_a_cut_halves_no_character(name: str, size: int) -> None:
    cut = names.cut(name, size)
    assert name.startswith(cut)
    assert len(cut.encode()) <= size
    left = name[len(cut) :]
    assert not left or len((cut + left[0]).encode()) > size
