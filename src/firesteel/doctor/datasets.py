"""How far a dataset of the user's reaches: its `__getitem__` and `__len__` read with the numbers that it held."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from firesteel.doctor.facts import Holds
from firesteel.doctor.source import Source, called

_Function = ast.FunctionDef


@dataclass(frozen=True)
class Reach:
    """Of a thing with `n` rows the last item gets no further than `last`, and takes `width` rows at once."""

    name: str
    n: int
    last: int
    width: int
    place: ast.expr  # what `__len__` returns


def reach_of(source: Source, holds: Holds) -> Reach | None:
    """The thing of which most rows are out of reach of any item; None where all are reached, or that cannot be said."""
    kind = next((one for one in source.nodes(ast.ClassDef) if one.name == holds.kind), None)
    if kind is None or holds.n_rows < 1:
        return None
    methods = {one.name: one for one in kind.body if isinstance(one, _Function)}
    length, item = methods.get("__len__"), methods.get("__getitem__")
    returned = _only_return(length) if length is not None else None
    if returned is None or item is None or len(item.args.args) != 2 or not _is_computed(returned):
        return None
    found = list(_reached(item, holds))
    if not found or any(one is None for one in found):
        return None
    ends: dict[str, tuple[int, int]] = {}
    for one in found:
        if one is not None:
            name, last, width = one
            ends[name] = max(ends.get(name, (0, 0)), (last, width))
    reaches = [Reach(name, holds.lengths[name], last, width, returned) for name, (last, width) in ends.items()]
    if any(one.last >= one.n for one in reaches):
        return None
    return max(reaches, key=lambda one: one.n - one.last)


def _only_return(function: _Function) -> ast.expr | None:
    returns = [one for one in ast.walk(function) if isinstance(one, ast.Return)]
    return returns[0].value if len(returns) == 1 else None


def _is_computed(node: ast.expr) -> bool:
    """A number, or a length less something, divided, or of another axis: not one that was handed in, or a share."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    calls = {called(one) for one in ast.walk(node) if isinstance(one, ast.Call)}
    asks = "len" in calls or any(isinstance(one, ast.Attribute) and one.attr == "shape" for one in ast.walk(node))
    is_share = any(isinstance(one, ast.Mult | ast.IfExp) for one in ast.walk(node))
    return asks and not is_share and calls <= {"len", "int"}


def _reached(item: _Function, holds: Holds) -> Iterator[tuple[str, int, int] | None]:
    """For each row or slice that the last item takes of something held: its name, where it ends, how wide it is.

    None for one that cannot be said.
    """
    numbers = _Numbers(item.args.args[0].arg, item.args.args[1].arg, holds)
    for node in ast.walk(item):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            numbers.locals[node.targets[0].id] = node.value
    for node in ast.walk(item):
        name = numbers.attribute(node.value) if isinstance(node, ast.Subscript) else ""
        if not isinstance(node, ast.Subscript) or name not in holds.lengths:
            continue
        key = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(key, ast.Slice):
            start = numbers.value_of(key.lower) if key.lower is not None else 0
            stop = numbers.value_of(key.upper) if key.upper is not None else holds.lengths[name]
        else:
            start = numbers.value_of(key)
            stop = start + 1 if start is not None else None
        if start is None or stop is None or start < 0 or stop < 0:
            yield None
        else:
            yield name, min(stop, holds.lengths[name]), stop - start


class _Numbers:
    """Whole-number expressions of the last item's index and of what the dataset held."""

    def __init__(self, me: str, index: str, holds: Holds) -> None:
        self._me, self._index, self._holds = me, index, holds
        self.locals: dict[str, ast.expr] = {}

    def attribute(self, node: ast.expr) -> str:
        """`X` of `self.X`, `self.X.iloc`, `self.X.values`; "" of anything else."""
        if isinstance(node, ast.Attribute) and node.attr in ("iloc", "values", "data"):
            inner = self.attribute(node.value)
            if inner:
                return inner
        is_mine = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self._me
        return node.attr if isinstance(node, ast.Attribute) and is_mine else ""

    def value_of(self, node: ast.expr, depth: int = 6) -> int | None:
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.Name):
            if node.id in self.locals and depth:
                return self.value_of(self.locals[node.id], depth - 1)
            return self._holds.n_rows - 1 if node.id == self._index else None
        if isinstance(node, ast.Attribute):
            return self._holds.numbers.get(self.attribute(node))
        if isinstance(node, ast.Call) and called(node) in ("int", "len") and len(node.args) == 1:
            if called(node) == "int":
                return self.value_of(node.args[0], depth)
            return self._holds.lengths.get(self.attribute(node.args[0]))
        if isinstance(node, ast.BinOp):
            return self._both(node, depth)
        return None

    def _both(self, node: ast.BinOp, depth: int) -> int | None:
        left, right = self.value_of(node.left, depth), self.value_of(node.right, depth)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        return left // right if isinstance(node.op, ast.FloorDiv) and right else None
