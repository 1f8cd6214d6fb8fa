"""Tables in text files (CSV and its kin), read block by block as columns of text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.dialects import DELIMITERS, Dialect, sniff
from firesteel.data.table import check_names
from firesteel.data.values import clean_text
from firesteel.errors import DataError

#: Bytes cut into rows at once: large enough that a block's fixed costs vanish, small beside any memory.
BLOCK_BYTES = 8 * 2**20
_SNIFF_BYTES = 2**20
_GZIP = b"\x1f\x8b"
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
#: First bytes of files that are no text, and what such a file is.
_MAGIC = {
    b"PAR1": "Parquet: name it .parquet", b"ARROW1": "Arrow: name it .arrow",
    b"PK\x03\x04": "a spreadsheet or a zip file",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet", b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
    b"\x89HDF": "HDF5", b"\x80\x04": "a pickle",
}  # fmt: skip
_NEWLINE, _BLANKS = ord("\n"), b" \t\r"
_END = "\x03"  # a line after the last, which a quote that was left open swallows
_ROWS_AT_ONCE = 50_000  # of the careful way, which holds a Python string for every value


class TextTable:
    """A text file's dialect, and its rows as frames of text in which missing values are null."""

    def __init__(self, path: Path, *, has_header: bool | None) -> None:
        self.path = path
        with self._open() as file:
            head = file.read(_SNIFF_BYTES)
            is_whole = not file.read(1)
        self._bom, self._encoding = next(
            ((bom, name) for bom, name in _BOMS.items() if head.startswith(bom)), (b"", "utf-8")
        )
        text = self._sniff_text(head, is_whole=is_whole)
        if not text.strip():
            raise DataError("a table needs rows", found=f"'{path.name}' is empty", hint="another file")
        self._has_old_newlines = "\n" not in text and "\r" in text
        self.notices: list[str] = []
        self._is_latin = False
        self.dialect = sniff(text.replace("\r\n", "\n").replace("\r", "\n"), is_whole=is_whole, has_header=has_header)
        check_names(self.dialect.names)
        if self.dialect.doubtful:
            self.notices.append(
                f"column {self.dialect.doubtful}: a comma in a number is read neither as a decimal point nor as "
                "thousands here, so such values are words; write 1000 or 1.5"
            )
        if has_header is None and not self.dialect.has_header:
            last = self.dialect.names[-1]
            self.notices.append(
                f"the first row looks like the others, so there is no header: the columns are c0 to {last}"
            )

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows in order, some at a time. Raises DataError for rows of another width, with the line's number."""
        n_lines, is_first = 0, self.dialect.has_header
        rest = b""
        with self._open() as file:
            blocks = self._decoded(file)
            for block in blocks:
                rest += block
                records, rest, is_plain = self._cut(rest)
                if not is_plain:
                    lines = _lines(records + rest, blocks)
                    yield from self._careful_frames(lines, n_lines=n_lines, is_first=is_first)
                    return
                if records:
                    frame = self._parse(records, n_lines=n_lines, is_first=is_first)
                    is_first = is_first and frame is None
                    n_lines += records.count(b"\n")
                    if frame is not None and frame.height:
                        yield frame
            if rest.strip():  # a quote was left open: the careful way says where
                yield from self._careful_frames(_lines(rest, iter(())), n_lines=n_lines, is_first=is_first)

    def _open(self) -> BinaryIO:
        with self.path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
        return cast("BinaryIO", gzip.open(self.path, "rb")) if is_packed else self.path.open("rb")

    def _sniff_text(self, head: bytes, *, is_whole: bool) -> str:
        what = next((what for magic, what in _MAGIC.items() if head.startswith(magic)), None)
        if self._encoding == "utf-8" and what is None and _is_binary(head):
            what = "binary data"
        if what is not None:
            raise DataError(
                f"a {self.path.suffix or 'text'} file must be text",
                found=f"'{self.path.name}' is {what.partition(':')[0]}",
                hint=what.partition(": ")[2] or "export the table as CSV (comma-separated text)",
            )
        body, decoder = head.removeprefix(self._bom), self._decoder()
        try:
            return decoder.decode(body, final=is_whole)
        except UnicodeDecodeError:
            return _latin(body)

    def _decoded(self, file: BinaryIO) -> Iterator[bytes]:
        """The file as UTF-8 with \\n at the line ends, the last one ended; cut anywhere between two characters."""
        file.read(len(self._bom))
        decoder = self._decoder()
        ending = b""
        while block := file.read(BLOCK_BYTES):
            text = self._to_utf8(block, decoder)
            text, ending = (ending + text, b"")
            if text.endswith(b"\r"):  # its \n may come with the next block
                text, ending = text[:-1], b"\r"
            yield self._newlines(text)
        last = self._newlines(ending + self._to_utf8(b"", decoder))
        yield last + b"\n"

    def _decoder(self) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(self._encoding)("strict" if self._encoding == "utf-8" else "replace")

    def _newlines(self, text: bytes) -> bytes:
        if b"\r" not in text:
            return text
        return text.replace(b"\r", b"\n") if self._has_old_newlines else text.replace(b"\r\n", b"\n")

    def _to_utf8(self, block: bytes, decoder: codecs.IncrementalDecoder) -> bytes:
        if not self._is_latin:
            pending = decoder.getstate()[0]
            try:
                return decoder.decode(block, final=not block).encode()
            except UnicodeDecodeError:
                self._is_latin = True
                self.notices.append("the file is not UTF-8; it is read as Latin-1 (Windows-1252)")
                block = pending + block
        return _latin(block).encode()

    def _cut(self, text: bytes) -> tuple[bytes, bytes, bool]:
        """Whole records, the rest, and whether every quote opens or closes a field (else the careful way is needed)."""
        quotes = _positions(text, self.dialect.quote)
        if not quotes.size:
            end = text.rfind(b"\n") + 1
            return text[:end], text[end:], True
        ends = _positions(text, "\n")
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        end = int(ends[-1]) + 1 if ends.size else 0
        is_plain = _are_structural(text, quotes[quotes < end], self.dialect) and len(text) - end < 4 * BLOCK_BYTES
        return text[:end], text[end:], is_plain

    def _parse(self, records: bytes, *, n_lines: int, is_first: bool) -> pl.DataFrame | None:
        """The records as text columns, without the header and blank lines; None where there are only blank lines."""
        starts, ends, widths = _measure(records, self.dialect)
        n_columns = len(self.dialect.names)
        is_row = np.ones(len(starts), dtype=bool)
        for i in reversed(np.flatnonzero(widths == 1).tolist()):
            is_row[i] = bool(records[starts[i] : ends[i]].strip(_BLANKS))
            if is_row[i] and n_columns == 1:
                break  # in a single column an empty line is a missing value, but for those at the end
        rows = np.flatnonzero(is_row)
        wrong = rows[widths[rows] != n_columns]
        if wrong.size:
            i = wrong[0]
            self._refuse_width(int(widths[i]), line=n_lines + records[: starts[i]].count(b"\n") + 1)
        if not rows.size:
            return None
        rows = rows[1:] if is_first else rows
        if not rows.size:
            return pl.DataFrame(schema=dict.fromkeys(self.dialect.names, pl.String))
        if rows.size == rows[-1] - rows[0] + 1:
            kept = records[starts[rows[0]] : ends[rows[-1]] + 1]
        else:
            kept = b"".join(records[starts[i] : ends[i] + 1] for i in rows)
        return self._clean(_read_plain(kept, self.dialect))

    def _careful_frames(self, lines: Iterator[str], *, n_lines: int, is_first: bool) -> Iterator[pl.DataFrame]:
        """What `frames` gives, by Python's csv module, which knows quotes after blanks and inside of values."""
        rows = self._careful_rows(lines, n_lines=n_lines)
        if is_first:
            next(rows, None)
        names = self.dialect.names
        while chunk := list(islice(rows, _ROWS_AT_ONCE)):
            columns = zip(names, zip(*chunk, strict=True), strict=True)
            yield self._clean(pl.DataFrame([pl.Series(name, values, dtype=pl.String) for name, values in columns]))

    def _careful_rows(self, lines: Iterator[str], *, n_lines: int) -> Iterator[list[str]]:
        delimiter, quote = self.dialect.delimiter, self.dialect.quote
        reader = csv.reader(
            chain(lines, [_END]), delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != "\t"
        )
        line = n_lines + 1
        try:
            for row in reader:
                if row == [_END]:
                    return
                if row and row[-1].endswith(_END):
                    raise csv.Error("it goes on to the end of the file")
                if len(row) > 1 or (row and row[0].strip()):
                    if len(row) != len(self.dialect.names):
                        self._refuse_width(len(row), line=line)
                    yield row
                line = n_lines + reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                "every quote that opens must close",
                found=f"a value that begins in line {line} of '{self.path.name}' does not end ({error})",
                hint=f"look for a single {quote} in that line",
            ) from None

    def _refuse_width(self, width: int, *, line: int) -> None:
        n_columns = len(self.dialect.names)
        what = "the header" if self.dialect.has_header else "the other rows"
        raise DataError(
            f"every row needs as many values as {what} ({n_columns}, cut by {DELIMITERS[self.dialect.delimiter]})",
            found=f"line {line} of '{self.path.name}' has {width}",
            hint=f"mend line {line}; a value with a {self.dialect.delimiter!r} in it must stand in quotes",
        )

    def _clean(self, frame: pl.DataFrame) -> pl.DataFrame:
        columns = [clean_text(column) for column in frame]
        if self.dialect.has_decimal_comma:
            columns = [column.str.replace(r"^([+-]?\d+),(\d+)$", "$1.$2") for column in columns]
        return pl.DataFrame(columns)


def _latin(block: bytes) -> str:
    return block.decode("cp1252", errors="replace")


def _is_binary(head: bytes) -> bool:
    """Whether there are bytes that no text has: zeros, or control characters in more than one place of a hundred."""
    codes = np.frombuffer(head, dtype=np.uint8)
    is_control = (codes < 32) & ~np.isin(codes, list(b"\t\n\r\f\x1a"))
    return bool((codes == 0).any() or is_control.sum() > codes.size / 100)


def _positions(text: bytes, character: str) -> npt.NDArray[np.int64]:
    if character.encode() not in text:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(character))


def _are_structural(text: bytes, quotes: npt.NDArray[np.int64], dialect: Dialect) -> bool:
    codes = np.frombuffer(text, dtype=np.uint8)
    neighbours = [ord(dialect.delimiter), _NEWLINE, ord(dialect.quote)]
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, codes[opening - 1], _NEWLINE)
    return bool(np.isin(before, neighbours).all() and np.isin(codes[closing + 1], neighbours).all())


def _measure(
    records: bytes, dialect: Dialect
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each record starts and ends (at its newline), and how many values it has."""
    quotes, ends, cuts = (_positions(records, c) for c in (dialect.quote, "\n", dialect.delimiter))
    if quotes.size:
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
        cuts = cuts[np.searchsorted(quotes, cuts) % 2 == 0]
    starts = np.concatenate([[0], ends[:-1] + 1])
    return starts, ends, np.diff(np.searchsorted(cuts, ends), prepend=0) + 1


def _read_plain(rows: bytes, dialect: Dialect) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(rows),
        has_header=False,
        schema=dict.fromkeys(dialect.names, pl.String),
        separator=dialect.delimiter,
        quote_char=dialect.quote,
    )


def _lines(text: bytes, blocks: Iterator[bytes]) -> Iterator[str]:
    for block in chain([b""], blocks):
        *lines, text = (text + block).split(b"\n")
        for line in lines:
            yield line.decode() + "\n"
    if text.strip():
        yield text.decode() + "\n"
