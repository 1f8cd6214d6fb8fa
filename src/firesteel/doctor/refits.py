"""Scalers that are fitted a second time, on the rows that test: found by the tree, through splits, names and calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from firesteel.doctor.naming import Names
from firesteel.doctor.source import Source, called

Side = Literal["train", "test", "both", ""]
_Function = ast.FunctionDef | ast.AsyncFunctionDef

_FITTING = ("fit_transform", "fit")
#: What learns nothing of the rows that it is fitted on, or can be applied to no others.
_ALONE = frozenset({"Normalizer", "FunctionTransformer", "HashingVectorizer", "Binarizer", "PolynomialFeatures", "TSNE",
                    "MDS", "UMAP", "SpectralEmbedding", "KMeans", "DBSCAN", "NearestNeighbors"})  # fmt: skip
#: Calls that hand on the rows that they are given.
_SAME_ROWS = frozenset(
    {"astype", "copy", "to_numpy", "reshape", "ravel", "toarray", "array", "asarray", "DataFrame", "float", "numpy",
     "fillna", "drop", "as_tensor", "tensor", "from_numpy", "reset_index", "fit_transform", "log1p", "log", "sqrt"}
)  # fmt: skip
#: What gives all that is not in the second: np.setdiff1d(all, some).
_OTHERS = ("setdiff1d", "delete")
_VIEWS = ("iloc", "loc", "values", "data")
#: Slices from 1 or to -1 are steps in time, not parts.
LEAST_CUT = 5
#: Names and calls are followed so far.
DEEPEST = 8


@dataclass(frozen=True)
class Refit:
    """A fit on held-out rows beside one of the same kind on training rows."""

    call: ast.Call
    first: ast.Call


def refits(source: Source) -> Iterator[Refit]:
    """Those of one file, in the order of the text."""
    fits = _fits(source)
    if not fits:
        return
    sides = _Sides(source)
    fits = [one for one in fits if sides.kind(one) not in _ALONE]
    known = [(one, sides.of(one.args[0], one.lineno), sides.kind(one)) for one in fits]
    if sides.parts and next((side for _, side, _ in known if side), "") == "test":
        sides.parts = {name: "test" if side == "train" else "train" for name, side in sides.parts.items()}
        known = [(one, sides.of(one.args[0], one.lineno), sides.kind(one)) for one in fits]
    for call, side, kind in known:
        first = next((one for one, other, same in known if other in ("train", "both") and same == kind), None)
        if side in ("test", "both") and first is not None:
            yield Refit(call, first)


def _fits(source: Source) -> list[ast.Call]:
    fits = [one for one in source.nodes(ast.Call) if called(one) in _FITTING and isinstance(one.func, ast.Attribute)]
    return [one for one in fits if len(one.args) == 1 and not one.keywords]


def fits_of(source: Source) -> list[ast.Call]:
    """The calls that fit a scaler and apply it, all of one class, in the order of the text."""
    sides = _Sides(source)
    fits = [(one, sides.kind(one)) for one in _fits(source) if called(one) == "fit_transform"]
    scaling = [(one, kind) for one, kind in fits if kind.endswith("Scaler")]
    return [one for one, kind in scaling if kind == scaling[-1][1]]


class _Sides:
    """Which expressions of a source are training rows, and which are held out, by where they came from."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = Names(source)
        self._functions = {one.name: one for one in source.nodes(ast.FunctionDef)}
        self._inverted = {ast.unparse(one.operand) for one in source.nodes(ast.UnaryOp) if _is_not(one)}
        #: Rows that are some of all, and those that are all others: which of them train, the first fit tells.
        self.parts: dict[str, Side] = {}
        self._given: dict[str, list[tuple[int, _Function | None, ast.expr, int | None]]] = {}
        for node in source.nodes(ast.Assign):
            for target in node.targets:
                self._note(target, node.value, node.lineno)
        for loop in source.nodes(ast.For):
            self._note(loop.target, loop.iter, loop.lineno)

    def _note(self, target: ast.expr, value: ast.expr, line: int, place: int | None = None) -> None:
        """A name, and what it is given: an expression, or one place of what that gives."""
        if isinstance(target, ast.Tuple | ast.List):
            is_pairwise = isinstance(value, ast.Tuple | ast.List) and place is None
            for i, one in enumerate(target.elts):
                if is_pairwise and isinstance(value, ast.Tuple | ast.List) and i < len(value.elts):
                    self._note(one, value.elts[i], line)
                else:
                    self._note(one, value, line, i)
            return
        if isinstance(value, ast.Call) and called(value) in _OTHERS and len(value.args) > 1 and place is None:
            others = ast.unparse(value.args[1])
            self.parts |= {ast.unparse(target): "train", others: "test"}
        around = next((one for one in self._source.parents(target) if isinstance(one, _Function)), None)
        self._given.setdefault(ast.unparse(target), []).append((line, around, value, place))

    def kind(self, call: ast.Call) -> str:
        """What is fitted: the class, where the tree shows it, else the name of the object."""
        base = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        if not isinstance(base, ast.Call):
            made = [value for _, _, value, _ in self._given.get(ast.unparse(base), []) if isinstance(value, ast.Call)]
            base = made[0] if made else base
        return called(base) if isinstance(base, ast.Call) else ast.unparse(base)

    def of(self, node: ast.expr, line: int, depth: int = 0) -> Side:
        """The side of an expression that stands on a line; "" where nobody can say."""
        if depth > DEEPEST:
            return ""
        if isinstance(node, ast.Call) and called(node) in _SAME_ROWS:
            is_function = bool(self._names.full(node.func)) or not isinstance(node.func, ast.Attribute)
            is_function = is_function or called(node) == "fit_transform"
            given = node.args[0] if is_function and node.args else getattr(node.func, "value", None)
            return self.of(given, line, depth + 1) if given is not None else ""
        if isinstance(node, ast.Attribute) and node.attr in _VIEWS:
            return self.of(node.value, line, depth + 1)
        if isinstance(node, ast.Subscript):
            return self.of(node.value, line, depth + 1) or self._side_of_index(node.slice, line, depth)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._side_of_name(ast.unparse(node), line, depth)
        return ""

    def _side_of_name(self, name: str, line: int, depth: int) -> Side:
        here = self._source.function_around(line)
        for at, around, value, place in reversed(self._given.get(name, [])):
            is_seen = around is None or "." in name if around is not here else at < line
            if not is_seen:
                continue
            side = self.of(value, at, depth + 1) if place is None else self._side_of_place(value, place, at, depth)
            if side:
                return side
        return self._side_of_argument(here, name, depth) if here is not None else ""

    def _side_of_place(self, value: ast.expr, place: int, line: int, depth: int) -> Side:
        """Of one of several things that a call gives: of a split, a fold, a function of this file."""
        if not isinstance(value, ast.Call):
            return ""
        name = called(value)
        if self._names.full(value.func).endswith(".train_test_split") or name == "train_test_split":
            return "test" if place % 2 else "train"
        if name in ("next", "enumerate", "iter") and value.args:  # of a fold: (train rows, test rows)
            return self._side_of_place(value.args[0], place, line, depth + 1)
        if name == "split" and isinstance(value.func, ast.Attribute) and place < 2:
            is_text = isinstance(value.func.value, ast.Constant)
            return "" if is_text or not self._is_fold(value) else "test" if place else "train"
        function = self._functions.get(name)
        returned = [one.value for one in ast.walk(function) if isinstance(one, ast.Return)] if function else []
        last = returned[-1] if returned else None
        if isinstance(last, ast.Tuple) and place < len(last.elts):
            return self.of(last.elts[place], last.lineno, depth + 1)
        if isinstance(last, ast.Call):
            return self._side_of_place(last, place, last.lineno, depth + 1) if depth < DEEPEST else ""
        return ""

    def _is_fold(self, call: ast.Call) -> bool:
        """The splits of an object that was made from a class with Fold, Split or Out in its name."""
        kind = self.kind(call)
        return any(word in kind for word in ("Fold", "Split", "Out"))

    def _side_of_argument(self, function: _Function, name: str, depth: int) -> Side:
        """What the calls of the function in this file give for an argument; "both" where some give each."""
        names = [one.arg for one in function.args.args]
        if name not in names or depth > DEEPEST:
            return ""
        found = set()
        place = names.index(name) - (names[0] == "self")
        for call in self._source.nodes(ast.Call):
            if called(call) == function.name:
                words = {word.arg: word.value for word in call.keywords}
                given = words.get(name, call.args[place] if 0 <= place < len(call.args) else None)
                found.add(self.of(given, call.lineno, depth + 1) if given is not None else "")
        if found == {"train", "test"}:
            return "both"
        return found.pop() if len(found) == 1 else ""

    def _side_of_index(self, index: ast.expr, line: int, depth: int) -> Side:
        """x[:n] and x[n:], x[rows] by what the rows are, x[mask] and x[~mask]."""
        index = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
        if isinstance(index, ast.Slice):
            return _side_of_slice(index)
        if isinstance(index, ast.UnaryOp) and _is_not(index):
            return "test"
        if ast.unparse(index) in self._inverted:
            return "train"
        if ast.unparse(index) in self.parts:
            return self.parts[ast.unparse(index)]
        return self.of(index, line, depth + 1) if isinstance(index, ast.Name | ast.Subscript | ast.Attribute) else ""


def _side_of_slice(part: ast.Slice) -> Side:
    bounds = [one for one in (part.lower, part.upper) if one is not None]
    if not bounds or part.step is not None or any(abs(_number(one)) < LEAST_CUT for one in bounds):
        return ""
    return "test" if part.lower is not None else "train"


def _number(node: ast.expr) -> float:
    """A written number, or one beyond all bounds."""
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    value = inner.value if isinstance(inner, ast.Constant) else None
    return float(value) if isinstance(value, int | float) else float("inf")


def _is_not(node: ast.UnaryOp) -> bool:
    return isinstance(node.op, ast.Invert)
