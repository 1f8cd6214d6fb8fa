"""A test table of the user's own beside the table that was learned from: its columns and how its labels are written."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from firesteel.data.schema import Schema
from firesteel.data.table import Table
from firesteel.data.values import as_numbers, as_words
from firesteel.errors import DataError, nearest

_MAX_LISTED = 5


def match_test_labels(test: Table, schema: Schema) -> Table:
    """The test table with its labels written as in training (` >50K.` as `>50K`), and a notice where that was needed.

    Raises DataError for a column that is not there, and for labels that training did not know.
    """
    _check_columns(test, schema)
    target = schema.target
    given = as_words(test.frame[target.name])
    if given.null_count() == given.len():
        raise DataError(
            "test rows need their target", found=f"'{target.name}' is empty in '{test.name}'", hint="another --test"
        )
    if not target.classes:
        return _check_numbers(test, given, target.name)
    unknown = sorted(set(given.drop_nulls()) - set(target.classes))
    if not unknown:
        return test
    plain = {_plain(name): name for name in target.classes}
    written = {word: plain.get(_plain(word)) for word in unknown}
    if len(plain) < len(target.classes) or None in written.values():
        strange = [word for word in unknown if written[word] is None or len(plain) < len(target.classes)]
        raise DataError(
            "labels of the test table must be classes of the training table",
            found=f"'{test.name}' has {_listed(strange)}, training has {_listed(target.classes)}",
            hint=f"write the labels of '{target.name}' alike in both tables",
        )
    pairs = ", ".join(f"'{word}' as '{name}'" for word, name in list(written.items())[:_MAX_LISTED])
    notice = f"labels in '{test.name}' are written differently from training: {pairs}"
    frame = test.frame.with_columns(given.replace(written).alias(target.name))
    return replace(test, frame=frame, notices=(*test.notices, notice))


def _plain(word: str) -> str:
    """A label without what people write differently: case, blanks, and punctuation at its end."""
    return "".join(word.casefold().split()).rstrip(".,;:!")


def _check_columns(test: Table, schema: Schema) -> None:
    needed = [column.name for column in schema.used] + [schema.target.name]
    missing = [name for name in needed if name not in test.frame.columns]
    if missing == [schema.target.name] and schema.columns[0].kind == "picture":
        raise DataError(
            "pictures to be scored need labels",
            found=f"'{test.name}' has none",
            hint="one sub-folder per class; firesteel predict answers pictures without labels",
        )
    if missing:
        near = nearest(missing[0], test.frame.columns)
        offer = f"is '{missing[0]}' called '{near[0]}' there?" if near else "give both tables the same columns"
        raise DataError(
            "a test table needs the columns of the training table",
            found=f"'{test.name}' lacks {_listed(missing)}",
            hint=offer,
        )


def _check_numbers(test: Table, given: pl.Series, name: str) -> Table:
    words = given.filter(as_numbers(test.frame[name]).is_null() & given.is_not_null())
    if words.len():
        raise DataError(
            "the target of a regression must be numbers in the test table too",
            found=f"{words.len():,} rows of '{test.name}' have words, like '{words[0]}'",
            hint=f"mend '{name}' in the test table",
        )
    return test


def _listed(words: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(words) - _MAX_LISTED} more" if len(words) > _MAX_LISTED else ""
    return ", ".join(f"'{word}'" for word in words[:_MAX_LISTED]) + more
