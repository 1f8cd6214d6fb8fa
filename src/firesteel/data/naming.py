"""From a table to its schema: each column named, the target's task, and what gives the target away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from firesteel.data.kinds import LEFT_OUT, look_as_told, look_at
from firesteel.data.leaks import find_leaks
from firesteel.data.schema import Column, Schema, Target
from firesteel.data.table import Table
from firesteel.data.tasks import find_target, name_offer, name_task
from firesteel.errors import DataError, RecipeError
from firesteel.recipe import Kind, Task

_MAX_LISTED = 8


def read_schema(
    table: Table,
    target: str | int | None,
    *,
    task: Task | None = None,
    kind: Mapping[str, Kind] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
) -> Schema:
    """What each column is, whether the net reads it, and why; `kind`, `drop`, `keep` and `task` overrule what is seen.

    Left out: constants, keys, free text, the column that rows are grouped by, and leaks.

    Raises: DataError where nothing can be learned; RecipeError for a column that is not there or does not fit.
    """
    kind = kind or {}
    name = find_target(table, target)
    for option, words in {"kind": kind, "drop": drop, "keep": keep, "group": _one(group), "time": _one(time)}.items():
        _check_columns(words, table, option=option, target=name)
    goal = name_task(table.frame[name], task=task, position=table.frame.columns.index(name))
    n_usable = table.n_rows - goal.n_missing
    if n_usable < 2:
        raise DataError(
            "a net needs more than one row to learn from",
            found=f"'{table.name}' has {n_usable} with a known '{name}'",
            hint="give it more rows",
        )
    columns, notices = _name_columns(table.frame, name, kind=kind, drop=drop, keep=keep, group=group)
    columns = _rescue_counter(columns, table.frame)
    if not any(column.is_used for column in columns):
        raise _nothing_to_read(columns, table)
    columns, leaks = _mark_leaks(columns, table.frame, goal, keep=keep, fair=table.fair)
    if goal.n_missing:
        notices.insert(0, f"{goal.n_missing:,} rows have no '{name}' and are left out")
    notices += leaks + list(_say_left_out(columns))
    return Schema(tuple(columns), goal, tuple(notices))


def _one(word: str | None) -> tuple[str, ...]:
    return () if word is None else (word,)


def _check_columns(words: Iterable[str], table: Table, *, option: str, target: str) -> None:
    for word in words:
        if word not in table.frame.columns:
            raise RecipeError(
                f"--{option} needs a column of the table",
                found=f"'{word}' is none of '{table.name}'",
                hint=name_offer(word, table),
            )
        if word == target:
            raise RecipeError(
                f"--{option} is about the other columns",
                found=f"'{word}' is the target",
                hint=f"leave --{option} {word} away",
            )


def _name_columns(
    frame: pl.DataFrame,
    target: str,
    *,
    kind: Mapping[str, Kind],
    drop: Sequence[str],
    keep: Sequence[str],
    group: str | None,
) -> tuple[list[Column], list[str]]:
    columns, notices = [], []
    for position, values in enumerate(frame):
        name = values.name
        if name == target:
            continue
        sight = look_as_told(values, kind=kind[name]) if name in kind else look_at(values, position=position)
        reason, is_used = sight.reason, sight.kind not in LEFT_OUT
        if name in drop:
            reason, is_used = f"{reason}; left out as you said", False
        elif name == group and name not in keep:
            reason, is_used = f"{reason}; rows are grouped by it", False
        columns.append(Column(name, sight.kind, reason, is_used, sight.n_missing, sight.n_unique))
        if sight.notice and is_used:
            notices.append(sight.notice)
    return columns, notices


def _rescue_counter(columns: list[Column], frame: pl.DataFrame) -> list[Column]:
    """A column that counts the rows is the x of a lesson where there is nothing else to read."""
    if any(column.is_used for column in columns):
        return columns
    is_number = {c.name: c.kind == "id" and frame[c.name].dtype.is_numeric() for c in columns}
    return [
        replace(c, kind="numeric", is_used=True, reason=f"{c.reason}, but nothing else is there to read")
        if is_number[c.name] and "as you said" not in c.reason and "grouped" not in c.reason
        else c
        for c in columns
    ]


def _nothing_to_read(columns: Sequence[Column], table: Table) -> DataError:
    if not columns:
        return DataError("a net needs columns to read", found=f"'{table.name}' has only the target", hint="add columns")
    listed = "; ".join(f"'{c.name}' is {c.kind} ({c.reason})" for c in columns[:3])
    more = f"; and {len(columns) - 3} more" if len(columns) > 3 else ""
    return DataError(
        "a net needs at least one column to read",
        found=f"all are left out: {listed}{more}",
        hint=_way_out(columns),
    )


def _way_out(columns: Sequence[Column]) -> str:
    """What brings a column back: the first one that varies."""
    varying = [c for c in columns if c.kind != "constant"]
    if not varying:
        return "add columns whose values differ from row to row"
    first = varying[0]
    if first.kind in LEFT_OUT:
        return f"--kind {first.name}=categorical     or another kind that it is"
    return f"keep one of them, like {first.name}"


def _mark_leaks(
    columns: list[Column], frame: pl.DataFrame, target: Target, *, keep: Sequence[str], fair: Sequence[str]
) -> tuple[list[Column], list[str]]:
    """The columns with the leaks among them marked, and out of use unless they are kept or there is nothing else."""
    leaks = dict(find_leaks(frame, {c.name: c.kind for c in columns if c.is_used and c.name not in fair}, target))
    has_others = any(c.is_used and (c.name not in leaks or c.name in keep) for c in columns)
    marked, notices = [], []
    for column in columns:
        evidence = leaks.get(column.name)
        if evidence is None:
            marked.append(column)
            continue
        is_used = column.name in keep or not has_others
        if column.name in keep:
            fate = "it is kept as you said"
        elif has_others:
            fate = f"it is left out (--keep {column.name} if it is known before '{target.name}' is)"
        else:
            fate = "it is read all the same, because there is nothing else to read"
        notices.append(f"leak: column '{column.name}' may give '{target.name}' away: {evidence}; {fate}")
        reason = f"{column.reason}; leak: {evidence}"
        marked.append(replace(column, is_used=is_used, is_leak=True, reason=reason))
    return marked, notices


def _say_left_out(columns: Sequence[Column]) -> Iterable[str]:
    why: dict[Kind, str] = {
        "constant": "the same in all rows",
        "id": "keys of single rows, which say nothing about new ones",
        "text": "free text, which firesteel does not read",
    }
    for kind, reason in why.items():
        names = [c.name for c in columns if c.kind == kind and not c.is_used]
        if names:
            listed = ", ".join(f"'{name}'" for name in names[:_MAX_LISTED])
            more = f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else ""
            hint = "" if kind == "constant" else f" (--kind {names[0]}=categorical overrules)"
            yield f"left out: {listed}{more}, {reason}{hint}"
