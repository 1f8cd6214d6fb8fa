"""How a text file writes its table: delimiter, quotes, and whether its first row names the columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from firesteel.data.values import MISSING

#: In the order in which they are believed when a file can be cut by several.
DELIMITERS = {"\t": "tabs", ";": "semicolons", "|": "pipes", ",": "commas"}

_N_SAMPLE_ROWS = 1000
#: Fewer numbers in a row may count up by chance.
_MIN_COUNTED = 3
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DOT_DECIMAL = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_BELOW_THOUSAND = re.compile(r"[+-]?\d{1,3}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True)
class Dialect:
    """What must be known to cut a text into values."""

    delimiter: str
    quote: str
    names: tuple[str, ...]  # of the columns; c0, c1, ... where the file has no header
    has_header: bool
    has_decimal_comma: bool = False  # 3,5 is a number
    doubtful: str = ""  # "'b' holds 1,000": a column of numbers whose commas may stand for thousands


def sniff(text: str, *, is_whole: bool, has_header: bool | None) -> Dialect:
    """The dialect of a text from its first lines. `text` holds more than blanks."""
    lines = text.splitlines(keepends=True)
    if not is_whole and len(lines) > 1:
        lines.pop()  # the last line may be cut
    lines = [line for line in lines if line.strip()] or [text.strip()]  # a first row longer than what is sniffed
    quote = _find_quote(lines)
    candidates = [(delimiter, _cut(lines, delimiter, quote=quote)) for delimiter in DELIMITERS]
    delimiter, rows = max(candidates, key=lambda candidate: _fit(candidate[1]))
    if has_header is None:
        has_header = _has_header(rows)
    n_columns = Counter(len(row) for row in rows).most_common(1)[0][0] if not has_header else len(rows[0])
    names = tuple(_name(word, i) for i, word in enumerate(rows[0])) if has_header else default_names(n_columns)
    body = rows[1:] if has_header else rows
    has_decimal_comma = delimiter == ";" and _has_decimal_comma(body)
    doubtful = "" if has_decimal_comma else _find_thousands(body, names)
    return Dialect(delimiter, quote, names, has_header, has_decimal_comma, doubtful)


def default_names(n_columns: int) -> tuple[str, ...]:
    """c0, c1, ...: the names of columns that have none."""
    return tuple(f"c{i}" for i in range(n_columns))


def _name(word: str, position: int) -> str:
    return word.strip() or f"c{position}"


def _find_quote(lines: Sequence[str]) -> str:
    """The single quote where fields stand in it and none stands in double quotes."""
    text = "".join(lines)
    if re.search(r"(?m)(?:^|[\t;|,])[ ]*\"", text):
        return '"'
    return "'" if re.search(r"(?m)(?:^|[\t;|,])[ ]*'[^'\n]*'[ \r]*(?:$|[\t;|,])", text) else '"'


def _cut(lines: Sequence[str], delimiter: str, *, quote: str) -> list[list[str]]:
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=delimiter != "\t")
    try:
        return [[field.strip() for field in row] for row in islice(reader, _N_SAMPLE_ROWS) if row]
    except csv.Error:  # a field without end: not this delimiter
        return [[""]]


def _fit(rows: Sequence[Sequence[str]]) -> tuple[bool, float, float]:
    """How well a delimiter explains the rows: one width for most, then how many values are numbers."""
    width, count = Counter(len(row) for row in rows).most_common(1)[0]
    fields = [field for row in rows for field in row]
    n_numbers = sum(is_number(field) or field in MISSING or bool(_DECIMAL_COMMA.fullmatch(field)) for field in fields)
    return width > 1, round(count / len(rows), 2), n_numbers / len(fields)


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _has_decimal_comma(rows: Sequence[Sequence[str]]) -> bool:
    """Whether 3,5 is a number here: no decimals are written with dots, and the commas do not all stand for thousands.

    1,000 alone is either; beside 980 it counts thousands.
    """
    fields = [field for row in rows for field in row]
    if any(_DOT_DECIMAL.fullmatch(field) for field in fields):
        return False
    if any(_DECIMAL_COMMA.fullmatch(field) and not _THOUSANDS.fullmatch(field) for field in fields):
        return True
    return not any(_mixes_thousands(column) for column in zip_longest(*rows, fillvalue=""))


def _mixes_thousands(column: Sequence[str]) -> bool:
    """Whether it holds 1,000 beside 980: whole numbers of one to three digits, and larger ones with commas."""
    known = [field for field in column if field not in MISSING]
    n_commas = sum(_THOUSANDS.fullmatch(field) is not None for field in known)
    return 0 < n_commas < len(known) and all(_THOUSANDS.fullmatch(f) or _BELOW_THOUSAND.fullmatch(f) for f in known)


def _find_thousands(rows: Sequence[Sequence[str]], names: Sequence[str]) -> str:
    """The first column of numbers some of which have commas, and one of these; '' where there is none."""
    for name, column in zip(names, zip_longest(*rows, fillvalue=""), strict=False):
        known = [field for field in column if field not in MISSING]
        with_comma = [field for field in known if _DECIMAL_COMMA.fullmatch(field) or _THOUSANDS.fullmatch(field)]
        if with_comma and len(with_comma) + sum(is_number(field) for field in known) == len(known):
            return f"'{name}' holds {with_comma[0]}"
    return ""


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: it does not look like the rows below it."""
    first, body = rows[0], rows[1:]
    if not body:
        return not any(is_number(word) for word in first)
    if _counts_up(first) and not _counts_up(body[0]):
        return True
    votes = [_vote(word, [row[i] for row in body if i < len(row)]) for i, word in enumerate(first)]
    for strength in (2, 1):  # numbers speak first, words only where no number does
        balance = sum(1 if vote > 0 else -1 for vote in votes if abs(vote) == strength)
        if balance:
            return balance > 0
    return True


def _vote(word: str, below: Sequence[str]) -> int:
    """Above 0: the word is a name; below 0: it is a value. 2 where the column holds numbers."""
    known = [value for value in below if value not in MISSING]
    if word in MISSING or not known:
        return 0
    n_numbers = sum(is_number(value) for value in known)
    if n_numbers > len(known) / 2:
        return -2 if is_number(word) else 2
    if is_number(word):
        return -1
    if word in known:
        return -1
    return 1 if len(set(known)) <= len(known) / 2 or len(known) == 1 else 0


def _counts_up(row: Sequence[str]) -> bool:
    """Whether the numbers of the row are 0, 1, 2, ..., or other whole ones in a row (years)."""
    numbers = [int(word) for word in row if word.isdecimal()]
    is_whole = len(numbers) == sum(is_number(word) for word in row)
    return is_whole and len(numbers) >= _MIN_COUNTED and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
