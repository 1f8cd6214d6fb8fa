"""What a column is, seen from its values, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from firesteel.data.values import are_numbers, as_numbers, as_times, as_words, is_whole_number
from firesteel.errors import RecipeError
from firesteel.recipe import Kind

#: Kinds that a net does not read.
LEFT_OUT: frozenset[Kind] = frozenset({"id", "text", "constant"})

#: Words of which more than half are different, and at least so many, name single rows rather than groups of rows.
_MOSTLY_DIFFERENT, _MIN_DIFFERENT = 0.5, 20
#: All different: so many rows are enough to call it a key (two rows with two words are no evidence).
_MIN_KEYS = 5
#: Text is written in this many words, or this long, on average; keys are shorter.
_TEXT_WORDS, _TEXT_LENGTH = 2.5, 30
#: A column is numbers with stray words in it from this share of numbers on, and up to so many different words.
_MOSTLY_NUMBERS, _MAX_STRAY_WORDS = 0.9, 3
#: "id", "customer_id", "PassengerId", "Unnamed: 0" (the index of a pandas frame).
_KEY_NAME = re.compile(
    r"(?:.*[_\s.-])?(?:id|ids|uuid|guid|key|index|idx|rownum|row|rownames)|unnamed.*|#", re.IGNORECASE
)
#: So few different whole numbers could be codes as well; the reason says how they were taken.
_FEW_LEVELS = 10
#: Longer whole numbers are keys where no two are the same: float64 holds no more digits.
_KEY_DIGITS = 15
_LONG_KEY = 10.0**_KEY_DIGITS
_KEY_CAMEL = re.compile(r".*[a-z0-9]I[dD]")


@dataclass(frozen=True)
class Sight:
    """One column as seen: its kind and why, and a sentence for the user where something is odd."""

    kind: Kind
    reason: str
    n_missing: int
    n_unique: int
    notice: str = ""


def look_at(column: pl.Series, *, position: int) -> Sight:
    """The kind that the values speak for; `position` is the column's place in the file."""
    known = column.drop_nulls()
    n_unique, n_missing = known.n_unique(), column.len() - known.len()

    def seen(kind: Kind, reason: str, notice: str = "") -> Sight:
        return Sight(kind, reason, n_missing, n_unique, notice)

    if n_unique == 0:
        return seen("constant", "no value in any row")
    if n_unique == 1:
        value = as_words(known.head(1))[0]
        return seen("categorical", f"'{value}' or missing") if n_missing else seen("constant", f"'{value}' in all rows")
    if column.dtype == pl.Boolean:
        return seen("boolean", "true or false")
    if column.dtype.is_temporal():
        first, last = as_words(pl.Series([known.min(), known.max()], dtype=column.dtype))
        return seen("datetime", f"from {first} to {last}")
    if column.dtype == pl.String and not are_numbers(known):
        return seen(*_look_at_words(known, n_unique=n_unique))
    return seen(*_look_at_numbers(column, known, n_unique=n_unique, position=position))


def look_as_told(column: pl.Series, *, kind: Kind) -> Sight:
    """The kind that the user named. Raises RecipeError where no value of the column is of it."""
    known = column.drop_nulls()
    read = {"numeric": as_numbers, "datetime": as_times}.get(kind, as_words)(known)
    if known.len() and read.null_count() == known.len():
        raise RecipeError(
            f"a column of kind {kind} needs {'numbers' if kind == 'numeric' else 'dates like 2024-02-29'}",
            found=f"'{column.name}' has none; its first value is '{as_words(known.head(1))[0]}'",
            hint=f"--kind {column.name}=categorical",
        )
    notice = ""
    if read.null_count():
        notice = f"column '{column.name}': {read.null_count():,} values are not {kind} and count as missing"
    return Sight(kind, "as you said", column.null_count(), known.n_unique(), notice)


def _look_at_words(known: pl.Series, *, n_unique: int) -> tuple[Kind, str, str]:
    n_known = known.len()
    stray = known.filter(as_numbers(known).is_null())
    if 0 < stray.len() <= (1 - _MOSTLY_NUMBERS) * n_known and stray.n_unique() <= _MAX_STRAY_WORDS:
        words = ", ".join(f"'{word}'" for word in stray.unique().sort())
        return (
            "numeric",
            f"numbers, but for {words} in {stray.len():,} rows",
            f"column '{known.name}' holds numbers, and {words} in {stray.len():,} rows, which count as missing",
        )
    is_key = n_unique == n_known >= _MIN_KEYS
    is_mostly_different = n_unique > _MOSTLY_DIFFERENT * n_known and n_unique >= _MIN_DIFFERENT
    if is_key or is_mostly_different:
        n_words = (known.str.count_matches(r"\s+") + 1).mean()
        length = known.str.len_chars().mean()
        counts = f"{n_unique:,} different values in {n_known:,} rows"
        if _number(n_words) >= _TEXT_WORDS or _number(length) >= _TEXT_LENGTH:
            return "text", f"sentences or names: {counts}", ""
        return "id", f"a key of single rows: {counts}", ""
    return "categorical", f"words: {n_unique:,} different", ""


def _look_at_numbers(column: pl.Series, known: pl.Series, *, n_unique: int, position: int) -> tuple[Kind, str]:
    numbers, n_known = as_numbers(known), known.len()
    if n_unique == n_known >= _MIN_KEYS and (numbers.abs() >= _LONG_KEY).all() and (numbers == numbers.round()).all():
        return "id", f"a key of single rows: {n_unique:,} different whole numbers of more than {_KEY_DIGITS} digits"
    if not column.dtype.is_integer() and not is_whole_number(numbers).all():
        return "numeric", "numbers with decimals"
    if n_unique == 2 and set(numbers.unique()) == {0.0, 1.0}:
        return "boolean", "0 or 1"
    is_named_key = _KEY_NAME.fullmatch(column.name) is not None or _KEY_CAMEL.fullmatch(column.name) is not None
    if n_known >= _MIN_KEYS and n_unique == n_known and column.null_count() == 0 and (is_named_key or position == 0):
        steps = numbers.diff().drop_nulls()
        if (steps == 1).all() and numbers[0] in (0, 1):
            return "id", f"it counts the rows, from {int(numbers[0])} to {int(numbers[-1])}"
    if is_named_key and n_unique > _MOSTLY_DIFFERENT * n_known and n_unique >= _MIN_KEYS:
        return "id", f"named like a key: {n_unique:,} different values in {n_known:,} rows"
    if is_named_key:
        return "categorical", f"named like a key, which repeats: {n_unique:,} different values, taken as names"
    if n_unique <= _FEW_LEVELS:
        return "numeric", f"{n_unique} whole numbers, whose order may mean something"
    return "numeric", "whole numbers"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
