"""A08: bounds of slices that leave rows out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.bounds import Form, Loop, Taken, added, loops_of
from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

_ONE: Form = {(): 1}


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
        "Slices x[a:b], or slice(a, b), in loops that count, read as sums: those that end one before where the next "
        "begins, or begin one behind where the last ended, and ranges in steps of a size that end that size too early "
        "though the slices go from i to i + size; two parts of one table, x[1:n] and x[n + 1:]; batches of 8 rows, "
        "say, that begin 32 apart, if a net was trained on them."
    )
    silent: ClassVar[str] = (
        "Windows that overlap, slices beside which the missing row is taken, too (targets one step further, a window "
        "and the value behind it), ranges that end at n or n + 1 - size, or where something behind the slice is read, "
        "whole batches by n // size, slices of written numbers but for i + 16 - 1. Between x[:n] "
        "and x[n + 1:] one row is a note: it may be a gap."
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
        starts = {  # what lies behind the slice is taken, too
            ast.unparse(one.lower) for one in source.nodes(ast.Slice) if one.lower is not None
        }
        for part in source.nodes(ast.Subscript):
            width = _written_width(part.slice) if part.lineno in cut else 0
            loop = next((one for one in source.loops_around(part.lineno) if isinstance(one, ast.For)), None)
            stride = _stride(part.slice, loop) if width and loop is not None else None
            sizes = _values_of(source, stride) if stride is not None else set()
            if stride is not None and isinstance(part.slice, ast.Slice) and sizes and min(sizes) > width:
                if part.slice.upper is not None and ast.unparse(part.slice.upper) in starts:
                    continue
                upper = ast.unparse(part.slice.upper) if part.slice.upper is not None else ""
                size = ast.unparse(stride)
                said = f"the slice has {width} rows and the next begins {size} = {min(sizes)} behind its start"
                yield self._describe(source, part, said, upper, upper.rsplit("+", 1)[0] + f"+ {size}")
                return

    def _look(self, source: Source) -> Iterator[Finding]:
        named: set[int] = set()
        for loop in loops_of(source):
            taken = sorted(loop.taken(), key=lambda one: (one.node.lineno, one.node.col_offset))
            found = next(self._in_loop(source, loop, taken), None)
            if found is not None and found.line not in named:
                named.add(found.line)
                yield found

    def _in_loop(self, source: Source, loop: Loop, taken: list[Taken]) -> Iterator[Finding]:
        rows = list(loop.rows())
        for one in taken:
            if not any(one.stride) and not _is_one_less(one.high):  # numbers: only a run can say that these are batches
                continue
            size = _said(one.stride)
            if added(one.stride, one.width, -1) == _ONE and not _is_taken_elsewhere(one, taken, rows):
                is_late = one.start.get((), 0) == 1
                side, text = (one.low, "begins at") if is_late else (one.high, "ends at")
                less = "" if is_late else ", which is not part of it"
                said = f"the slice {text} {ast.unparse(side)}{less}: of every {size} rows one is left out"
                place = side if side.lineno != one.node.lineno else one.node
                yield self._describe(source, place, said, *_mended(source, side, is_late=is_late))
            elif one.width == one.stride and loop.stop is not None and loop.range is not None and () not in one.start:
                base = _ends_early(loop, one.stride)
                if base and not _is_read_further(one, taken, rows):
                    said = f"the range ends {size} before {base} and does not reach its end: the last batch never comes"
                    yield self._describe(source, loop.range, said)

    def _between(self, source: Source) -> Iterator[Finding]:
        """x[:n] in one statement and x[n + 1:] in a later one: row n is in neither."""
        ends: dict[tuple[str, str], ast.stmt] = {}
        from_one: set[tuple[str, str]] = set()  # x[1:n]: rows are counted from 1
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
                    said = f"row {before} of {of} is in neither part"
                    level: Level = "W" if (of, before) in from_one else "N"  # one row between two parts may be a gap
                    yield self._describe(source, part, said, text, before, level=level)
                    return
                if high is not None:
                    ends[of, ast.unparse(high)] = statement
                    if low is not None and ast.unparse(low) == "1":
                        from_one.add((of, ast.unparse(high)))

    def _describe(
        self, source: Source, node: ast.expr, evidence: str, upper: str = "", fixed: str = "", *, level: Level = "W"
    ) -> Finding:
        return self.finding(
            (source, node),
            level=level,
            message="these bounds leave rows out",
            evidence=evidence,
            why="the same rows are never learned from",
            fix=source.change_line(node.lineno, upper, fixed)
            if upper
            else "     let each slice go from i to i + size, and the range end at the number of rows",
        )


def _one_before(low: ast.expr | None) -> str:
    """n of n + 1, for a name or an expression; nothing else."""
    is_next = isinstance(low, ast.BinOp) and isinstance(low.op, ast.Add) and ast.unparse(low.right) == "1"
    return ast.unparse(low.left) if is_next and isinstance(low, ast.BinOp) else ""


def _is_one_less(high: ast.expr) -> bool:
    """It is written as a bound less 1, as in i + 16 - 1."""
    return isinstance(high, ast.BinOp) and isinstance(high.op, ast.Sub) and ast.unparse(high.right) == "1"


def _is_taken_elsewhere(one: Taken, taken: list[Taken], rows: list[Form]) -> bool:
    """The row that a slice leaves out is taken beside it: targets one step on, a window and the value behind it."""
    before, behind = added(one.start, _ONE, -1), added(one.end, _ONE)
    if any(row in (before, one.end) for row in rows):
        return True
    others = [other for other in taken if other is not one]
    starts, ends = [other.start for other in others], [other.end for other in others]
    return (
        added(one.start, _ONE) in starts or before in starts or one.end in starts or behind in ends or one.start in ends
    )


def _is_read_further(one: Taken, taken: list[Taken], rows: list[Form]) -> bool:
    """Something behind the end of the slice is taken, too: the next value, or what is one step further."""
    further = [other.start for other in taken] + [other.end for other in taken] + rows
    beyond = [added(form, one.end, -1) for form in further if form != one.end]
    return one.end in [*(other.start for other in taken), *rows] or any(
        form and all(n > 0 for n in form.values()) for form in beyond
    )


def _ends_early(loop: Loop, stride: Form) -> str:
    """n of range(0, n - size, size); "" where the range ends elsewhere."""
    stop = loop.stop
    if not isinstance(stop, ast.BinOp) or not isinstance(stop.op, ast.Sub):
        return ""
    is_by_rows = loop.step == stride and loop.form_of(stop.right) == stride
    return ast.unparse(stop.left) if is_by_rows else ""


def _said(form: Form) -> str:
    parts = [" * ".join([*([str(n)] if n != 1 or not names else []), *names]) for names, n in form.items()]
    return " + ".join(parts)


def _mended(source: Source, side: ast.expr, *, is_late: bool) -> tuple[str, str]:
    """The bound as it is written, and as it should be; nothing where that takes more than leaving out a 1."""
    text = source.text_of(side)
    short = re.sub(r"\s*\+\s*1$" if is_late else r"\s*-\s*1$", "", text)
    return (text, short) if short != text else ("", "")


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
