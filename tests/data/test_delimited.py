"""Text files: what real ones do, and what broken ones are told."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.data import Table, delimited, read_table, stream_tables
from firesteel.errors import DataError


def read(folder: Path, text: str | bytes, *, has_header: bool | None = None) -> Table:
    path = folder / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, has_header=has_header)


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(DataError) as error:
        read(folder, text)
    return str(error.value)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", ", ", " ; "])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = "".join(delimiter.join(row) + "\n" for row in [("a", "b", "c"), ("1", "x y", "2.5"), ("2", "z", "3")])
    assert read(tmp_path, text).frame.rows() == [(1, "x y", 2.5), (2, "z", 3.0)]


def test_a_semicolon_file_may_write_decimals_with_commas(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b\n1,5;x\n2,25;y\n").frame.rows() == [(1.5, "x"), (2.25, "y")]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a;b\n0.5;1,000\n0.25;1,010\n", ["1,000", "1,010"]),
        ("a;b\nx;1,000\ny;980\n", ["1,000", "980"]),
        ("a;b\nx;1,000,000\ny;980\n", ["1,000,000", "980"]),
        ('a,b\nx,"1,000"\ny,980\n', ["1,000", "980"]),
        ("a;b\nx;1,250\ny;0,980\n", ["1.250", "0.980"]),
        ("a;b\n2,5;1,000\n3,5;980\n", ["1.000", "980"]),
    ],
)
def test_commas_of_thousands_are_never_read_as_decimals(tmp_path: Path, text: str, values: list[str]) -> None:
    is_text = "," in values[0]
    table = read(tmp_path, text)
    assert table.frame["b"].to_list() == (values if is_text else [float(value) for value in values])
    assert any(f"'b' holds {values[0]}" in notice for notice in table.notices) is is_text
    chunks = list(stream_tables(tmp_path / "rows.csv", n_rows=1))
    assert [chunk.frame["b"][0] for chunk in chunks] == values
    assert chunks[0].notices == table.notices


def test_commas_inside_of_semicolon_text_are_no_delimiters(tmp_path: Path) -> None:
    assert read(tmp_path, "a;b\n1;x, y, z\n2;x, y\n").frame.rows() == [(1, "x, y, z"), (2, "x, y")]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_of_both_kinds_protect_the_delimiter(tmp_path: Path, quote: str) -> None:
    assert read(tmp_path, "a,b\n1,'x,y'\n2,'z'\n".replace("'", quote)).frame["b"].to_list() == ["x,y", "z"]


def test_quotes_may_follow_blanks(tmp_path: Path) -> None:
    assert read(tmp_path, 'a, "b", c\n1, "x, y", 3\n2, "z", 4\n').frame.rows() == [(1, "x, y", 3), (2, "z", 4)]


def test_a_quote_inside_of_a_value_is_a_character(tmp_path: Path) -> None:
    assert read(tmp_path, 'a,b\n5 11",1\n"6 ""0""",2\n').frame["a"].to_list() == ['5 11"', '6 "0"']


def test_a_quoted_value_may_hold_line_ends(tmp_path: Path) -> None:
    assert read(tmp_path, 'a,b\n"x\n\ny",1\nz,2\n').frame["a"].to_list() == ["x\n\ny", "z"]


def test_a_quote_left_open_is_an_error_that_names_its_line(tmp_path: Path) -> None:
    message = refused(tmp_path, 'a,b\n1,x\n2,"y\n3,z\n')
    assert "every quote that opens must close" in message
    assert "line 3" in message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(tmp_path: Path, end: str) -> None:
    assert read(tmp_path, end.join(["a,b", "1,x", "2,y", ""])).frame.rows() == [(1, "x"), (2, "y")]


def test_empty_lines_are_no_rows_wherever_they_stand(tmp_path: Path) -> None:
    assert read(tmp_path, "\na,b\n1,x\n\n  \n2,y\n\n\n").frame.rows() == [(1, "x"), (2, "y")]


def test_an_empty_line_in_a_single_column_is_a_missing_value(tmp_path: Path) -> None:
    assert read(tmp_path, "a\n1\n\n3\n\n").frame["a"].to_list() == [1, None, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, "a,b\n1,é\n2,ü\n".encode(encoding))
    assert table.frame.rows() == [(1, "é"), (2, "ü")]
    assert table.frame.columns == ["a", "b"]
    assert not table.notices


def test_latin_1_is_read_with_a_notice(tmp_path: Path) -> None:
    table = read(tmp_path, "a,b\n1,é\n2,ü\n".encode("latin-1"))
    assert table.frame["b"].to_list() == ["é", "ü"]
    assert "Latin-1" in table.notices[0]


def test_a_file_that_turns_to_latin_1_after_the_first_block_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 7)
    table = read(tmp_path, ("a,b\n" + "1,x\n" * 50 + "2,é\n").encode("latin-1"))
    assert table.frame["b"].to_list() == ["x"] * 50 + ["é"]


def test_a_gzip_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(b"a,b\n1,x\n2,y\n")).frame.rows() == [(1, "x"), (2, "y")]


def test_a_damaged_gzip_file_is_an_error(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{i},{i * i}\n" for i in range(1000)).encode())
    assert "must be readable" in refused(tmp_path, packed[:-20])
    assert "must be readable" in refused(tmp_path, packed[:100] + b"\xff\xff\xff\xff" + packed[104:])


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"PK\x03\x04rest", b"\x89PNG\r\n", b"PAR1 and more"])
def test_a_binary_file_named_csv_is_an_error(tmp_path: Path, data: bytes) -> None:
    assert "must be text" in refused(tmp_path, data)


@pytest.mark.parametrize("text", ["", "\n \n", "a,b\n", "a,b\n\n"])
def test_a_file_without_rows_is_an_error(tmp_path: Path, text: str) -> None:
    assert "a table needs rows" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "line", "width"),
    [
        ("a,b\n1,2\n3\n", 3, 1),
        ('a,b\n1,"2\n2"\n3,4,5\n', 4, 3),
        ('a,b\n1,x"\n\n2,y,z\n', 4, 3),
        ("1,2\n\n3,4\n5\n", 4, 1),
    ],
)
def test_a_ragged_row_is_an_error_that_names_its_line(tmp_path: Path, text: str, line: int, width: int) -> None:
    assert f"line {line} of 'rows.csv' has {width}" in refused(tmp_path, text)


def test_two_columns_of_one_name_are_an_error_with_their_places(tmp_path: Path) -> None:
    assert "'a' names columns 1, 3" in refused(tmp_path, "a,b,a\n1,2,3\n4,5,6\n")


def test_ten_thousand_columns_are_an_error(tmp_path: Path) -> None:
    row = ",".join(["1"] * 10_000)
    assert "up to 5,000 columns; it has 10,000" in refused(tmp_path, f"{row}\n{row}\n")


def test_a_column_without_a_name_gets_its_place_as_name(tmp_path: Path) -> None:
    assert read(tmp_path, ",a\n0,x\n1,y\n").frame.columns == ["c0", "a"]


@pytest.mark.parametrize(
    ("text", "has_header"),
    [
        ("M,0.4,7\nF,0.5,9\nM,0.1,7\n", False),
        ("A11,6,A34\nA12,48,A32\nA11,12,A34\n", False),
        ("p,x,s\ne,x,y\np,b,s\ne,x,s\n", False),
        ("3,?,alfa\n1,?,audi\n2,164,audi\n", False),
        ("sex,size,rings\nM,0.4,7\nF,0.5,9\n", True),
        ("kind,cap,smell\np,x,s\ne,x,y\np,b,s\n", True),
        ("country,2001,2002,2003\nA,1,2,4\nB,3,4,4\n", True),
        ("0,1,2\n5.1,3,4\n2,2,2\n", True),
        ("name,town\nAda,London\nAlan,Wilmslow\n", True),
        ("a,b\n1,?\n?,2\n", True),
    ],
)
def test_a_header_is_told_from_a_first_row(tmp_path: Path, text: str, has_header: bool) -> None:
    table = read(tmp_path, text)
    assert table.has_header is has_header
    assert table.n_rows == text.count("\n") - has_header
    assert bool(table.notices) is not has_header


@pytest.mark.parametrize("has_header", [True, False])
def test_has_header_overrules_what_the_first_row_looks_like(tmp_path: Path, has_header: bool) -> None:
    for text in ("a,b\n1,2\n3,4\n", "0,1\n1,2\n3,4\n"):
        assert read(tmp_path, text, has_header=has_header).n_rows == 3 - has_header


FIELDS = st.text(st.sampled_from('ab1, "\n;.'), max_size=6)


@given(st.lists(st.tuples(FIELDS, FIELDS, st.integers(0, 99)), min_size=1, max_size=12), st.integers(5, 60))
def test_any_well_written_file_is_read_back_in_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int]], block_bytes: int
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("first", "second", "third"), *rows])
    path = tmp_path_factory.mktemp("any") / "rows.csv"
    path.write_bytes(out.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", block_bytes)
        text = delimited.TextTable(path, has_header=True)
        object.__setattr__(text.dialect, "delimiter", ",")  # three short rows can be cut by semicolons as well
        object.__setattr__(text.dialect, "has_decimal_comma", False)
        object.__setattr__(text.dialect, "names", ("first", "second", "third"))
        frame = pl.concat(text.frames())
    expected = [(a.strip() or None, b.strip() or None, str(c)) for a, b, c in rows]
    assert frame.rows() == expected


@pytest.mark.parametrize("quoted", ["x", '"x, y"', 'x"'])
def test_streaming_gives_the_same_rows_in_chunks_of_the_asked_size(tmp_path: Path, quoted: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{i},{quoted}\n" for i in range(25)))
    chunks = list(stream_tables(path, n_rows=10))
    assert [chunk.n_rows for chunk in chunks] == [10, 10, 5]
    assert pl.concat([c.frame for c in chunks])["a"].to_list() == [str(i) for i in range(25)]
