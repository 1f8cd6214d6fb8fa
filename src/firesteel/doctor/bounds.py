"""Where the slices of a loop begin and end, as sums of products of names.

So `(b + 1) * size - 1` and `b * size + size - 1` are the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from firesteel.doctor.source import Source, called

#: A sum: how often each product of names comes, `()` being the number alone.
Form = dict[tuple[str, ...], int]

#: What gives the same starts in another order or dress.
_WRAPPING = {
    "list", "tuple", "sorted", "reversed", "iter", "tqdm", "trange", "permutation", "sample", "shuffled", "shuffle",
    "array", "asarray", "tensor", "as_tensor", "tolist", "int", "numpy", "choice",
}  # fmt: skip
_DEEPEST = 6


def added(one: Form, other: Form, times: int = 1) -> Form:
    total = dict(one)
    for names, n in other.items():
        total[names] = total.get(names, 0) + times * n
    return {names: n for names, n in total.items() if n}


def multiplied(one: Form, other: Form) -> Form:
    total: Form = {}
    for names, n in one.items():
        for more, m in other.items():
            total = added(total, {tuple(sorted(names + more)): n * m})
    return total


@dataclass(frozen=True)
class Taken:
    """Rows that are taken in a loop: from `start` to before `end`; the next are taken `stride` further on."""

    node: ast.expr  # the subscript, or slice(a, b)
    low: ast.expr  # as written, or where the name that is written is given its value
    high: ast.expr
    start: Form
    end: Form
    stride: Form

    @property
    def width(self) -> Form:
        return added(self.end, self.start, -1)


@dataclass(frozen=True)
class Loop:
    """A loop that counts: its body, its counter, how far that goes each time, and where it ends."""

    node: ast.AST
    counter: str
    step: Form
    stop: ast.expr | None
    range: ast.expr | None  # the call that says so
    given: dict[str, ast.expr] = field(default_factory=dict)  # names that are given a value once in the body

    def form_of(self, node: ast.expr, depth: int = _DEEPEST) -> Form:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return {(): node.value} if node.value else {}
        if isinstance(node, ast.Name) and node.id in self.given and depth:
            return self.form_of(self.given[node.id], depth - 1)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return multiplied({(): -1}, self.form_of(node.operand, depth))
        if isinstance(node, ast.Call) and called(node) in ("min", "max", "int") and node.args and depth:
            forms = [self.form_of(one, depth - 1) for one in node.args]
            return next((one for one in forms if self.counts(one)), forms[0])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            left, right = self.form_of(node.left, depth), self.form_of(node.right, depth)
            if isinstance(node.op, ast.Mult):
                return multiplied(left, right)
            return added(left, right, 1 if isinstance(node.op, ast.Add) else -1)
        return {(ast.unparse(node),): 1}

    def counts(self, form: Form) -> bool:
        return any(self.counter in names for names in form)

    def stride_of(self, start: Form) -> Form:
        """How much further the next start is; nothing where it does not go on evenly."""
        slope: Form = {}
        for names, n in start.items():
            if self.counter in names:
                rest = list(names)
                rest.remove(self.counter)
                slope = added(slope, {tuple(rest): n})
        return {} if self.counts(slope) else multiplied(slope, self.step)

    def taken(self) -> Iterator[Taken]:
        """The slices in the body whose start goes on with the counter."""
        for node, low, high in _slices(self.node):
            start, end = self.form_of(low), self.form_of(high)
            stride = self.stride_of(start)
            if stride and not self.counts(added(end, start, -1)):
                yield Taken(node, self._place(low), self._place(high), start, end, stride)

    def _place(self, node: ast.expr) -> ast.expr:
        return self.given.get(node.id, node) if isinstance(node, ast.Name) else node

    def rows(self) -> Iterator[Form]:
        """The single rows that are taken in the body."""
        for node in ast.walk(self.node):
            if isinstance(node, ast.Subscript):
                key = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
                form = self.form_of(key) if isinstance(key, ast.Name | ast.BinOp) else {}
                if self.counts(form):
                    yield form


def loops_of(source: Source) -> Iterator[Loop]:
    """The loops and comprehensions of a file that count, in the order of the text."""
    for node in source.nodes(ast.For):
        yield from _counting(source, node, node.target, node.iter)
    listed: list[ast.ListComp | ast.GeneratorExp] = [*source.nodes(ast.ListComp), *source.nodes(ast.GeneratorExp)]
    for comprehension in listed:
        for one in comprehension.generators:
            yield from _counting(source, comprehension, one.target, one.iter)
    for loop in source.nodes(ast.While):
        yield from _adding(loop)


def _counting(source: Source, node: ast.AST, target: ast.expr, over: ast.expr) -> Iterator[Loop]:
    if isinstance(over, ast.Call) and called(over) == "enumerate" and over.args and isinstance(target, ast.Tuple):
        inner = _range_in(source, over.args[0])
        if inner is not None and len(target.elts) == 2:  # enumerate(range(0, n, size))
            target, over = target.elts[1], inner
        else:
            target = target.elts[0]
    if not isinstance(target, ast.Name):
        return
    call = _range_in(source, over)
    given = _given_in(node, target.id)
    steps = call.args[2] if call is not None and len(call.args) == 3 else None
    stop = call.args[min(1, len(call.args) - 1)] if call is not None and call.args else None
    step: Form = {(): 1}
    if steps is not None:
        step = Loop(node, target.id, step, stop, call, given).form_of(steps)
    yield Loop(node, target.id, step, stop, call, given)


def _adding(loop: ast.While) -> Iterator[Loop]:
    """`while i < n: ...; i += size`."""
    changes = [one for one in ast.walk(loop) if isinstance(one, ast.AugAssign) and isinstance(one.op, ast.Add)]
    for change in changes:
        is_asked = isinstance(change.target, ast.Name) and change.target.id in ast.unparse(loop.test)
        if is_asked and isinstance(change.target, ast.Name):
            plain = Loop(loop, change.target.id, {(): 1}, None, None, _given_in(loop, change.target.id))
            yield Loop(loop, plain.counter, plain.form_of(change.value), None, None, plain.given)


def _range_in(source: Source, node: ast.expr, depth: int = _DEEPEST) -> ast.Call | None:
    """The range or arange whose numbers are gone through, in whatever order."""
    if isinstance(node, ast.Name) and depth:
        values = [
            one.value for one in source.nodes(ast.Assign) for at in one.targets
            if isinstance(at, ast.Name) and at.id == node.id
        ]  # fmt: skip
        return _range_in(source, values[0], depth - 1) if len(values) == 1 else None
    if not isinstance(node, ast.Call) or not depth:
        return None
    if called(node) in ("range", "arange"):
        return node
    if called(node) not in _WRAPPING:
        return None
    inside = [*node.args[:1], *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
    found = [_range_in(source, one, depth - 1) for one in inside if isinstance(one, ast.Call | ast.Name)]
    return next((one for one in found if one is not None), None)


def _given_in(loop: ast.AST, counter: str) -> dict[str, ast.expr]:
    """Names that the body gives a value once, by an assignment."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for one, part in zip(target.elts, value.elts, strict=False):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(part)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).extend([node.value, node.value])
    is_plain = ast.BinOp | ast.Name | ast.Call
    return {
        name: values[0] for name, values in found.items()
        if len(values) == 1 and name != counter and isinstance(values[0], is_plain)
    }  # fmt: skip


def _slices(loop: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, ast.expr]]:
    """x[a:b], x[a:b, ...] and slice(a, b): where it stands, a and b."""
    for node in ast.walk(loop):
        if isinstance(node, ast.Subscript):
            key = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
            if isinstance(key, ast.Slice) and key.lower is not None and key.upper is not None and key.step is None:
                yield node, key.lower, key.upper
        elif isinstance(node, ast.Call) and called(node) == "slice" and len(node.args) == 2:
            yield node, node.args[0], node.args[1]
