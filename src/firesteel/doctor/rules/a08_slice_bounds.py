"""A08: bounds of slices that leave rows out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source


class SliceBounds(Rule):
    id: ClassVar[str] = "A08"
    title: ClassVar[str] = "slice bounds that leave rows out"
    level: ClassVar[Level] = "W"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "The end of a slice is not part of it, and the end of a range neither: x[i : i + size - 1] is one row "
        "short, and range(0, n - size, size) never comes to the last batch."
    )
    detected: ClassVar[str] = (
        "Slices that end one before where the next begins, and ranges in steps of a size that end that size too "
        "early, in loops whose slices go from i to i + size; two parts of one table, x[:n] and x[n + 1:]; batches of "
        "8 rows, say, that begin 32 apart, if a net was trained on them."
    )
    silent: ClassVar[str] = (
        "Windows that overlap, targets one step further, ranges that end at n or n + 1 - size, whole batches by "
        "n // size."
    )
    sick: ClassVar[str] = """
import torch

x, size = torch.arange(12), 4
for i in range(0, len(x), size):
    print(x[i : i + size - 1])
"""
    healthy: ClassVar[str] = sick.replace("i + size - 1", "i + size")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            source = case.sources[path]
            found = [*self._look(source), *self._between(source)]
            yield from found
            if not found:
                yield from self._of_other_widths(case, source)

    def _of_other_widths(self, case: Case, source: Source) -> Iterator[Finding]:
        """x[i * size : i * size + 8] though size is more: only where batches that trained were cut so."""
        cut = {made.site.line for made in _batches(case.facts) if made.site.path == source.path}
        for part in source.nodes(ast.Subscript):
            width = _written_width(part.slice) if part.lineno in cut else 0
            loop = next((one for one in source.loops_around(part.lineno) if isinstance(one, ast.For)), None)
            stride = _stride(part.slice, loop) if width and loop is not None else None
            sizes = _values_of(source, stride) if stride is not None else set()
            if stride is not None and isinstance(part.slice, ast.Slice) and sizes and min(sizes) > width:
                upper = ast.unparse(part.slice.upper) if part.slice.upper is not None else ""
                size = ast.unparse(stride)
                said = f"the slice has {width} rows and the next begins {size} = {min(sizes)} behind its start"
                yield self._describe(source, part, said, upper, upper.rsplit("+", 1)[0] + f"+ {size}")
                return

    def _look(self, source: Source) -> Iterable[Finding]:
        for loop in source.nodes(ast.For):
            if not isinstance(loop.target, ast.Name):
                continue
            call = loop.iter
            is_range = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "range"
            step = ast.unparse(call.args[2]) if is_range and isinstance(call, ast.Call) and len(call.args) == 3 else ""
            found = next(self._in_loop(source, loop, call, loop.target.id, step), None)
            if found is not None:
                yield found

    def _between(self, source: Source) -> Iterator[Finding]:
        """x[:n] in one statement and x[n + 1:] in a later one: row n is in neither."""
        ends: dict[tuple[str, str], ast.stmt] = {}
        starts = {
            (ast.unparse(one.value), ast.unparse(one.slice.lower))
            for one in source.nodes(ast.Subscript)
            if isinstance(one.slice, ast.Slice) and one.slice.lower is not None
        }
        for statement in source.nodes(ast.Assign):
            values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
            for part in values:
                if not isinstance(part, ast.Subscript) or not isinstance(part.slice, ast.Slice):
                    continue
                low, high, of = part.slice.lower, part.slice.upper, ast.unparse(part.value)
                before = _one_before(low) if high is None else ""
                is_apart = ends.get((of, before), statement) is not statement and (of, before) not in starts
                if is_apart and low is not None:
                    text = ast.unparse(low)
                    yield self._describe(source, part, f"row {before} of {of} is in neither part", text, before)
                    return
                if high is not None:
                    ends[of, ast.unparse(high)] = statement

    def _in_loop(self, source: Source, loop: ast.For, call: ast.expr, name: str, step: str) -> Iterator[Finding]:
        parts = [one for one in ast.walk(loop) if isinstance(one, ast.Subscript) and isinstance(one.slice, ast.Slice)]
        if any(_one_before(one.slice.lower) == name for one in parts if isinstance(one.slice, ast.Slice)):
            return  # the next element is the target: x[i : i + size] and x[i + 1 : i + size + 1]
        for part in parts:
            bounds = part.slice
            if not isinstance(bounds, ast.Slice):
                continue
            size = _one_short(bounds, name, step)
            if size and bounds.upper is not None:
                upper = ast.unparse(bounds.upper)
                said = f"the slice ends at {upper}, which is not part of it: of every {size} rows one is left out"
                yield self._describe(source, part, said, upper, upper.rsplit("-", 1)[0].strip())
            elif (
                isinstance(call, ast.Call) and step and _goes_to(bounds, name, step) and _ends_early(call.args[1], step)
            ):
                said = f"the range ends {step} before {_base(call.args[1])} and does not reach its end"
                yield self._describe(source, call, f"{said}: the last batch never comes", "")

    def _describe(self, source: Source, node: ast.expr, evidence: str, upper: str, fixed: str = "") -> Finding:
        return self.finding(
            (source, node),
            message="these bounds leave rows out",
            evidence=evidence,
            why="the same rows are never learned from",
            fix=source.change_line(node.lineno, upper, fixed)
            if upper
            else "     let the range end at the number of rows",
        )


def _one_before(low: ast.expr | None) -> str:
    """n of n + 1, for a name or an expression; nothing else."""
    is_next = isinstance(low, ast.BinOp) and isinstance(low.op, ast.Add) and ast.unparse(low.right) == "1"
    return ast.unparse(low.left) if is_next and isinstance(low, ast.BinOp) else ""


def _one_short(bounds: ast.Slice, name: str, step: str) -> str:
    """x[i : i + size - 1] in steps of size, x[i * size : (i + 1) * size - 1]: the size; else nothing."""
    low, high = bounds.lower, bounds.upper
    if low is None or not (isinstance(high, ast.BinOp) and isinstance(high.op, ast.Sub)):
        return ""
    if not (isinstance(high.right, ast.Constant) and high.right.value == 1):
        return ""
    end, start = ast.unparse(high.left), ast.unparse(low)
    if step and start == name and end in (f"{name} + {step}", f"{step} + {name}"):
        return step
    if isinstance(low, ast.BinOp) and isinstance(low.op, ast.Mult):
        sizes = [ast.unparse(one) for one in (low.left, low.right) if ast.unparse(one) != name]
        if len(sizes) == 1 and end in (
            f"({name} + 1) * {sizes[0]}",
            f"{sizes[0]} * ({name} + 1)",
            f"{start} + {sizes[0]}",
        ):
            return sizes[0]
    return ""


def _batches(facts: Facts) -> Iterator[Made]:
    """What cut the rows of a training call out of something."""
    for forward in facts.trained():
        made = forward.input
        while made is not None and made.op in SAME_NUMBERS:
            if made.op == "getitem" and made.shape[:1] == (forward.n_rows,):
                yield made
                break
            made = made.parents[0] if made.parents else None


def _written_width(part: ast.expr) -> int:
    """8 of x[i : i + 8]; 0 where it is no number that is written."""
    if not isinstance(part, ast.Slice) or part.lower is None or not isinstance(part.upper, ast.BinOp):
        return 0
    end = part.upper
    is_from_start = isinstance(end.op, ast.Add) and ast.unparse(end.left) == ast.unparse(part.lower)
    return (
        end.right.value if is_from_start and isinstance(end.right, ast.Constant) and type(end.right.value) is int else 0
    )


def _stride(part: ast.expr, loop: ast.For) -> ast.expr | None:
    """How far apart the slices of a loop begin: the step of its range, or what its counter is multiplied by."""
    low, call = part.lower if isinstance(part, ast.Slice) else None, loop.iter
    if not isinstance(loop.target, ast.Name) or low is None:
        return None
    name = loop.target.id
    if isinstance(low, ast.BinOp) and isinstance(low.op, ast.Mult):
        sides = (low.left, low.right)
        others = [one for one in sides if ast.unparse(one) != name]
        return others[0] if len(others) == 1 else None
    is_stepped = isinstance(call, ast.Call) and ast.unparse(call.func) == "range" and len(call.args) == 3
    return call.args[2] if is_stepped and isinstance(call, ast.Call) and ast.unparse(low) == name else None


def _values_of(source: Source, size: ast.expr) -> set[int]:
    """The whole numbers that a name is given anywhere in the file; nothing if it is given anything else."""
    if isinstance(size, ast.Constant):
        return {size.value} if type(size.value) is int else set()
    name = size.attr if isinstance(size, ast.Attribute) else ast.unparse(size)
    given: list[ast.expr] = [word.value for word in source.nodes(ast.keyword) if word.arg == name]
    for node in source.nodes(ast.Assign):
        given += [node.value for one in node.targets if ast.unparse(one) in (name, ast.unparse(size))]
    for function in source.nodes(ast.FunctionDef):
        named = function.args.args[len(function.args.args) - len(function.args.defaults) :]
        given += [one for arg, one in zip(named, function.args.defaults, strict=True) if arg.arg == name]
    values = [one.value for one in given if isinstance(one, ast.Constant) and type(one.value) is int]
    return set(values) if len(values) == len(given) else set()


def _goes_to(bounds: ast.Slice, name: str, step: str) -> bool:
    if bounds.lower is None or bounds.upper is None or ast.unparse(bounds.lower) != name:
        return False
    return ast.unparse(bounds.upper) in (f"{name} + {step}", f"{step} + {name}")


def _ends_early(end: ast.expr, step: str) -> bool:
    return isinstance(end, ast.BinOp) and isinstance(end.op, ast.Sub) and ast.unparse(end.right) == step


def _base(end: ast.expr) -> str:
    return ast.unparse(end.left) if isinstance(end, ast.BinOp) else ast.unparse(end)
