"""Lines and elements of arrays come back as they are, from any place, however they are packed."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from lmsschema.load import source
from lmsschema.load.record import KEPT, Line
from lmsschema.load.source import IncompleteSourceError

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def lines(path: Path, position: int = 0, number: int = 0, longest: int = 1 << 20) -> list[Line]:
    [found] = source.find([str(path)])
    return list(source.lines(found, position, number, longest))


@settings(max_examples=20, deadline=None)
@given(
    values=st.lists(st.dictionaries(st.text(), VALUES), min_size=1),
    indent=st.sampled_from([None, 1]),
    is_ascii=st.booleans(),
)
def test_elements_are_those_of_the_array(
    tmp_path_factory: pytest.TempPathFactory,
    values: list[Any],
    indent: int | None,
    *,
    is_ascii: bool,
) -> None:
    file = tmp_path_factory.mktemp("array") / "array.json"
    text = json.dumps(values, indent=indent, ensure_ascii=is_ascii)
    file.write_bytes(text.encode(errors="surrogatepass"))
    found = lines(file)
    assert [json.loads(one.raw.decode(errors="surrogatepass")) for one in found] == values
    for number, one in enumerate(found, 1):
        assert file.read_bytes()[one.position : one.end] == one.raw
        assert lines(file, one.end, number) == found[number:]


def test_arrays_are_longer_than_a_piece_and_some_elements_too(tmp_path: Path) -> None:
    values = [{"n": n, "text": "é" * (50_000 if n == 7 else 900)} for n in range(1500)]
    file = tmp_path / "array.json"
    file.write_text("\ufeff" + json.dumps(values) + "\n" + json.dumps(values), "utf-8")
    found = lines(file, longest=1 << 18)
    assert [one.number for one in found] == list(range(1, 3001))
    assert [one.number for one in found if one.length > 1 << 18] == [8, 1508]
    assert len(found[7].raw) == KEPT
    assert json.loads(found[1507 + 1].raw)["n"] == 8


def test_a_broken_array_is_read_up_to_where_it_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "array.json"
    for end in (b"}, {]", b", {", b', {"a": "b', b", nonsense, {}]", b', {"a":\x00}]'):
        file.write_bytes(b'[{"a": "\xff"}, {"b": 1e999' + b"9" * 5000 + b"}" + end)
        [found] = source.find([str(file)])
        read = source.lines(found, 0, 0, 1 << 20)
        assert next(read).raw == b'{"a": "\xff"}'
        assert next(read).raw.startswith(b'{"b": 1e999')
        assert next(read).number == 3
        with pytest.raises(IncompleteSourceError):
            next(read)


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_packed_files_are_read_and_one_that_is_cut_is_named(tmp_path: Path, pack: Any) -> None:  # noqa: ANN401
    text = b"".join(b'{"n": %d}\n' % n for n in range(200_000))
    file = tmp_path / "lines"
    file.write_bytes(pack(text[:1_000_000]) + pack(text[1_000_000:]))
    assert b"\n".join(one.raw for one in lines(file)) + b"\n" == text
    file.write_bytes(pack(text)[:-20])
    with pytest.raises(IncompleteSourceError):
        lines(file)
    file.write_bytes(pack(text)[:100] + b"damage" * 100)
    with pytest.raises(IncompleteSourceError):
        lines(file)
