"""The schema of a set of pictures: the picture, and what its label wants."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from firesteel.data.pictures import PICTURE, Pictures, spoken_form
from firesteel.data.schema import Column, Schema
from firesteel.data.tasks import MAX_CLASSES, name_task
from firesteel.data.values import as_numbers, as_words
from firesteel.errors import DataError
from firesteel.recipe import Task

#: Classes that a sentence names with their counts.
_MAX_COUNTED = 10


def read_picture_schema(pictures: Pictures, *, task: Task | None = None) -> Schema:
    """One column, the picture, and the target: classes, unless its labels are numbers with decimals.

    Raises: DataError where there are no labels, or nothing can be learned from them.
    """
    if not pictures.has_labels:
        raise DataError(
            "pictures to learn from need labels",
            found=f"'{pictures.name}' has none",
            hint="one sub-folder per class, or --labels FILE.csv with file names and labels",
        )
    labels = pictures.frame[pictures.label]
    _check_differ(labels)
    target = name_task(labels, task=task or _task_of(labels), position=0)
    if task is None and target.classes:
        target = replace(target, reason="words and whole numbers beside pictures are classes")
    n_different = pictures.frame[PICTURE].n_unique()
    reason = f"{spoken_form(pictures.form)}; {n_different:,} different ones"
    column = Column(PICTURE, "picture", reason, True, n_unique=n_different)
    notices = []
    if target.n_missing:
        have = "1 picture has" if target.n_missing == 1 else f"{target.n_missing:,} pictures have"
        notices.append(f"{have} no label and {'is' if target.n_missing == 1 else 'are'} left out")
    return Schema((column,), target, tuple(notices))


def count_classes(pictures: Pictures) -> str:
    """How many pictures each class has, as a sentence; nothing without labels."""
    if not pictures.has_labels:
        return ""
    counts = as_words(pictures.frame[pictures.label]).drop_nulls().value_counts(sort=True)
    words = [f"{n:,} '{name}'" for name, n in counts.head(_MAX_COUNTED).iter_rows()]
    more = f" and {counts.height - _MAX_COUNTED:,} more classes" if counts.height > _MAX_COUNTED else ""
    return ", ".join(words) + more


def _check_differ(labels: pl.Series) -> None:
    words = as_words(labels.drop_nulls())
    if words.n_unique() < 2:
        raise DataError(
            "pictures to learn from need at least 2 different labels",
            found=f"all {words.len():,} are '{words[0]}'" if words.len() else "all are missing",
            hint="one sub-folder per class, or --labels FILE.csv with file names and labels",
        )


def _task_of(labels: pl.Series) -> Task | None:
    """Whole numbers and words are classes here: a picture is seldom counted. None: as for a table's column."""
    words = as_words(labels.drop_nulls())
    n_classes = words.n_unique()
    numbers = as_numbers(words)
    is_amount = numbers.null_count() == 0 and bool((numbers % 1 != 0).any())
    if is_amount or not 2 <= n_classes <= MAX_CLASSES:
        return None
    return "binary" if n_classes == 2 else "multiclass"
