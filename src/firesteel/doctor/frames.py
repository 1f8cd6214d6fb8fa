"""Columns of data frames that are no numbers: which statement made them of columns that are."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from firesteel.doctor.facts import Facts
from firesteel.doctor.source import Source, called

#: What reads or writes missing values: they may have been there from the start.
_MISSING = ("nan", "NaN", "NA", "None")
_READING = ("read_csv", "read_parquet", "read_excel", "read_table", "read_json", "fetch_openml", "load_dataset")


def where_column_broke(facts: Facts, sources: Iterable[Source]) -> tuple[Source, ast.AST] | None:
    """The statement that gave a column its NaN, where the columns that it reads have none."""
    frames = [one for one in facts.variables.values() if type(one).__name__ == "DataFrame" and hasattr(one, "isna")]
    found = None
    for source in sources:
        assigned = [(node, name) for node in source.nodes(ast.Assign) if (name := _column_of(node))]
        for node, name in assigned:
            if any(_breaks(frame, name, _read(node)) for frame in frames):
                return source, node
        if found is None and not frames and not _may_miss(source):
            found = next(((source, node) for node, _ in assigned if _divides(node.value)), None)
    return found


def _column_of(node: ast.Assign) -> str:
    """`c` of `frame["c"] = ...`."""
    target = node.targets[0]
    key = target.slice if isinstance(target, ast.Subscript) else None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""


def _read(node: ast.Assign) -> set[str]:
    """All words in an expression that could be columns."""
    parts = list(ast.walk(node.value))
    words = {one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return words | {one.attr for one in parts if isinstance(one, ast.Attribute)}


def _breaks(frame: Any, name: str, read: set[str]) -> bool:
    if frame.columns.nlevels > 1 or frame.columns.has_duplicates or name not in frame.columns:
        return False
    if not frame[name].isna().any():
        return False
    others = [one for one in frame.columns if one in read and one != name]
    return bool(others) and not any(frame[one].isna().any() for one in others)


def _may_miss(source: Source) -> bool:
    names = {one.attr for one in source.nodes(ast.Attribute)} | {one.id for one in source.nodes(ast.Name)}
    return bool(names & {*_MISSING, *_READING})


def _divides(value: ast.expr) -> bool:
    """By a column as it is, with nothing added to it."""
    divisors = [one.right for one in ast.walk(value) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div)]
    is_filled = any(isinstance(one, ast.Call) and called(one) in ("fillna", "where", "nan_to_num")
                    for one in ast.walk(value))  # fmt: skip
    return not is_filled and any(
        isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Constant) and isinstance(one.slice.value, str)
        for one in divisors
    )
