"""What a loop walks through: the rows of a table, or of the index that its batches are cut from, in their order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import torch

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called

OF_ARRAYS = frozenset({"array", "as_tensor", "from_numpy", "tensor"})
_COUNTING = frozenset({"range", "arange", "trange", "randperm", "permutation"})
_DEALING = frozenset({"chunk", "split", "tensor_split", "unbind"})


@dataclass(frozen=True)
class Stretch:
    """Rows that never went into the net, from `start` to before `stop`, and what lies on both sides of them."""

    start: int
    stop: int
    before: str  # "trained", "evaluated" or "" (nothing: the table begins here)
    behind: str

    @property
    def n(self) -> int:
        return self.stop - self.start


def chain(made: Made | None) -> Iterator[Made]:
    """Back through views and casts, cuts included."""
    while made is not None:
        yield made
        made = made.parents[0] if made.op in SAME_NUMBERS | OF_ARRAYS and made.parents else None


def is_cut(made: Made) -> bool:
    """Rows taken out of a tensor, or a stretch of the rows of an array."""
    return made.op == "getitem" or (made.op == "array" and bool(made.parents))


def key_of(cut: Made) -> Any:
    """What stands in the first place of the brackets."""
    key = cut.args[1] if cut.op == "getitem" and len(cut.args) > 1 else None
    if not isinstance(key, tuple) or not key or isinstance(key[0], str):
        return key
    is_list = all(type(one) is int for one in key) and bool(cut.parents) and len(cut.shape) == len(cut.parents[0].shape)
    return key if is_list else key[0]


def ends_of(cut: Made) -> tuple[int, int] | None:
    """Where a slice of rows begins and ends, or a stretch of row numbers."""
    key = key_of(cut)
    n = cut.parents[0].shape[0] if cut.parents and cut.parents[0].shape else 0
    if isinstance(key, slice) and key.step in (None, 1):
        start, stop = key.start or 0, n if key.stop is None else key.stop
        if isinstance(start, int | np.integer) and isinstance(stop, int | np.integer):
            start, stop, _ = slice(int(start), int(stop)).indices(n)
            return start, stop
    if isinstance(key, int) and not isinstance(key, bool):
        return key % max(n, 1), key % max(n, 1) + 1
    values = numbers_of(key)
    if values is not None and len(values) and bool((np.diff(values) == 1).all()):
        return int(values[0]), int(values[-1]) + 1
    return None


def numbers_of(key: Any) -> np.ndarray | None:
    """The row numbers of an index that was kept."""
    if isinstance(key, Made):
        value = key.value
        is_index = value is not None and value.dim() == 1 and value.dtype in (torch.int64, torch.int32)
        return value.cpu().numpy() if value is not None and is_index else None
    is_list = isinstance(key, list | tuple) and all(type(one) is int for one in key)
    return np.array(key, dtype=np.int64) if is_list and key else None


def walked(cut: Made) -> tuple[np.ndarray, Made] | None:
    """The row numbers that the index of a cut was itself cut from, in order, and the cut that did it."""
    key = key_of(cut)
    return _dealt(key) if isinstance(key, Made) else None


def _dealt(made: Made) -> tuple[np.ndarray, Made] | None:
    while made.parents:
        before = made.parents[0]
        if made.op == "part" and before.op in _DEALING and before.parents:
            return _with_numbers(before.parents[0], before)
        if made.op == "array":
            return _with_numbers(before, made)
        if made.op == "getitem":
            inner = key_of(made)
            if not isinstance(inner, Made):
                return _with_numbers(before, made)
            places, numbers = _dealt(inner), numbers_of(before)
            if places is None or numbers is None or not len(places[0]) or places[0].max() >= len(numbers):
                return None
            return numbers[places[0]], places[1]
        if made.op not in SAME_NUMBERS | OF_ARRAYS:
            return None
        made = before
    return None


def _with_numbers(made: Made, cut: Made) -> tuple[np.ndarray, Made] | None:
    numbers = numbers_of(made)
    return None if numbers is None else (numbers, cut)


def stretches(missed: np.ndarray, is_trained: np.ndarray) -> list[Stretch]:
    """Where rows were missed, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missed, [False]]).astype(np.int8)))
    pairs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)

    def kind(row: int) -> str:
        return "" if not 0 <= row < len(missed) else "trained" if is_trained[row] else "evaluated"

    return [Stretch(start, stop, kind(start - 1), kind(stop)) for start, stop in pairs]


def is_changed_on_its_way(facts: Facts, base: Made, missed: np.ndarray) -> bool:
    """Rows that no call had as they are were taken and changed before they went in: noise, another scale."""
    for forward in facts.forwards:
        if forward.input is None:
            continue
        for one in forward.input.walk(through=lambda made: made is not base and made.module is None):
            taken = one.op == "getitem" and bool(one.parents) and one.parents[0] is base
            if taken and _takes(one, missed):
                return True
    return False


def _takes(cut: Made, missed: np.ndarray) -> bool:
    ends = ends_of(cut)
    numbers = numbers_of(key_of(cut)) if ends is None else np.arange(*ends)
    if numbers is None:
        return True
    inside = numbers[(numbers >= 0) & (numbers < len(missed))]
    return bool(missed[inside].any())


def lead_of_targets(facts: Facts, base: Made, forwards: list[Forward]) -> int:
    """So many rows further than the inputs of a batch its targets go, where both are cut from one table."""
    learned = _behind_backwards(facts)
    given = {id(one) for forward in facts.forwards if forward.input is not None for one in chain(forward.input)}
    cuts = [one for one in facts.ops if one.op == "getitem" and one.parents and one.parents[0] is base]
    targets = [(one.at, ends_of(one)) for one in cuts if id(one) in learned and id(one) not in given]
    lead = 0
    for forward in forwards:
        own = next((one for one in chain(forward.input) if is_cut(one)), None)
        ends = ends_of(own) if own is not None else None
        if ends is None or not targets:
            continue
        nearest = min(targets, key=lambda target: abs(target[0] - forward.at))[1]
        if nearest is not None and ends[0] < nearest[0] <= ends[1] + 1:
            lead = max(lead, nearest[1] - ends[1])
    return lead


def _behind_backwards(facts: Facts) -> set[int]:
    """The ids of all that the losses of looked-at backwards were made from, data included."""
    seen: set[int] = set()
    queue = [one.made for one in facts.backwards if one.made is not None]
    while queue:
        one = queue.pop()
        if id(one) not in seen:
            seen.add(id(one))
            queue += one.parents
    return seen


def place_of_rows(source: Source, site: Site) -> Site | tuple[Source, ast.AST]:
    """Where the rows of a cut are chosen: the line itself, or the one that gives the index its name."""
    node = source.node_at(site)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        given = _given(source, node.slice.id, site.line)
        if given is not None and source.loops_around(given.lineno) == source.loops_around(site.line):
            return source, given
    return site


def may_be_of_a_view(source: Source, site: Site) -> bool:
    """What a stretch of an array was cut from has its name from a slice, or from where one cannot say."""
    node: ast.AST | None = source.node_at(site)
    inside = list(ast.walk(node)) if node is not None else []
    for one in [*inside]:
        given = _given(source, one.id, site.line) if isinstance(one, ast.Name) else None
        inside += list(ast.walk(given)) if isinstance(given, ast.Subscript) else []
    names = {one.value.id for one in inside if _is_sliced(one) and isinstance(one.value, ast.Name)}
    views: set[str] = set()
    for statement in source.nodes(ast.Assign):
        for target, value in _pairs(statement):
            if isinstance(target, ast.Name) and _is_sliced(value) and target.lineno < site.line:
                views.add(target.id)
    function = source.function_around(site.line)
    handed = {one.arg for one in function.args.args} if function is not None else set()
    return not names or bool(names & views) or (bool(names & handed) and bool(views))


def _is_sliced(node: ast.AST) -> TypeGuard[ast.Subscript]:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def _pairs(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in statement.targets:
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            yield from zip(target.elts, statement.value.elts, strict=False)
        else:
            yield target, statement.value


def _given(source: Source, name: str, before: int) -> ast.expr | None:
    """What a name was given last above a line."""
    found = None
    for statement in source.nodes(ast.Assign):
        for target, value in _pairs(statement):
            if statement.lineno < before and isinstance(target, ast.Name) and target.id == name:
                found = value
    return found


def takes_all_it_counts(source: Source, cut: Made) -> bool:
    """The loop around a cut goes over numbers that count on, and skips nothing: over no list of chosen parts.

    Where there is no loop in sight, slices are taken for parts that follow each other.
    """
    number = cut.site.line
    for loop in source.loops_around(number)[:1]:
        is_skipping = any(isinstance(one, ast.Continue) for one in ast.walk(loop))
        return not is_skipping and (isinstance(loop, ast.While) or _counts(source, loop.iter, number))
    statement = source.statement_at(number)
    for node in ast.walk(statement) if statement is not None else ():
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            return not node.generators[0].ifs and _counts(source, node.generators[0].iter, number)
    return isinstance(key_of(cut), slice)


def _counts(source: Source, over: ast.expr, number: int) -> bool:
    given = [_given(source, one.id, number) for one in ast.walk(over) if isinstance(one, ast.Name)]
    parts = [one for node in [over, *given] if node is not None for one in ast.walk(node)]
    is_chosen = any(isinstance(one, ast.ListComp | ast.GeneratorExp) and one.generators[0].ifs for one in parts)
    return not is_chosen and any(isinstance(one, ast.Call) and called(one) in _COUNTING for one in parts)
