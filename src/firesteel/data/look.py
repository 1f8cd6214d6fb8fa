"""What is in a table, before anything is trained."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Any

from firesteel.data.kinds import LEFT_OUT, look_at
from firesteel.data.naming import read_schema
from firesteel.data.picture_schema import count_classes, read_picture_schema
from firesteel.data.pictures import PICTURE, Pictures, spoken_form
from firesteel.data.schema import Column, Target
from firesteel.data.table import Table
from firesteel.data.tasks import offer_targets


@dataclass(frozen=True)
class Look:
    """A table looked over; `target` and leaks only where a target was named."""

    name: str
    n_rows: int
    n_equal: int  # rows that repeat an earlier one in all columns
    columns: tuple[Column, ...]
    target: Target | None
    notices: tuple[str, ...]
    hint: str  # what to type next
    counts: str = ""  # of pictures: how many each class has

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def look_over(table: Table, target: str | int | None = None, *, source: str = "FILE") -> Look:
    """Kinds of all columns with reasons, missing values, equal rows; with a target also its task and leaks.

    `source` is what to type for the table on the command line.
    """
    frame = table.frame
    n_equal = frame.height - frame.n_unique()
    if target is None:
        sights = [look_at(column, position=i) for i, column in enumerate(frame)]
        columns = tuple(
            Column(name, sight.kind, sight.reason, sight.kind not in LEFT_OUT, sight.n_missing, sight.n_unique)
            for name, sight in zip(frame.columns, sights, strict=True)
        )
        notices = table.notices + tuple(sight.notice for sight in sights if sight.notice)
        return Look(table.name, frame.height, n_equal, columns, None, notices, offer_targets(table))
    schema = read_schema(table, target)
    notices = table.notices + schema.notices
    hint = f"firesteel fit {shlex.quote(source)} --target {shlex.quote(schema.target.name)}"
    return Look(table.name, frame.height, n_equal, schema.columns, schema.target, notices, hint)


def look_over_pictures(pictures: Pictures, *, n_test: int = 0, source: str = "FOLDER") -> Look:
    """Form, classes and their counts, and how many pictures are equal or nearly so."""
    n_equal = pictures.n_rows - pictures.frame[PICTURE].n_unique()
    own_test = (f"{n_test:,} more are the set's own test pictures",) if n_test else ()
    if pictures.has_labels:
        schema = read_picture_schema(pictures)
        notices = (*pictures.notices, *schema.notices, *own_test)
        hint = f"firesteel fit {shlex.quote(source)}"
        return Look(
            pictures.name,
            pictures.n_rows,
            n_equal,
            schema.columns,
            schema.target,
            notices,
            hint,
            counts=count_classes(pictures),
        )
    column = Column(PICTURE, "picture", spoken_form(pictures.form), True, n_unique=pictures.n_rows - n_equal)
    hint = "firesteel predict RUN FOLDER, or labels to learn from: --labels FILE.csv"
    return Look(pictures.name, pictures.n_rows, n_equal, (column,), None, (*pictures.notices, *own_test), hint)
