"""Arrays that are compared as a column and a row, where no tensor operation sees it: found by shapes that were seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from firesteel.doctor.counting import Miscount, is_settled
from firesteel.doctor.facts import Facts
from firesteel.doctor.source import Source, Sources, called

Shape = tuple[int, ...]
_Span = tuple[str, int, int, int, int]

#: Calls that hand on as many rows and columns as they are given.
_SAME_SHAPE = {"numpy", "astype", "round", "float", "long", "int", "detach", "cpu", "clone", "copy", "rint", "where",
               "sign", "abs", "sigmoid"}  # fmt: skip
_REDUCING = {"mean", "sum", "average", "count_nonzero"}
_LIBRARIES = ("np", "numpy", "torch")
#: Names and arguments are followed so far.
DEEPEST = 6


def crossed_arrays(facts: Facts, sources: Sources) -> Iterator[Miscount]:
    shapes = _Shapes(facts)
    for path in facts.files():
        source = sources[path]
        for node in source.nodes(ast.Compare):
            if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq) or not _is_reduced(source, node):
                continue
            left = shapes.of(node.left, source, node.lineno)
            right = shapes.of(node.comparators[0], source, node.lineno)
            if left is None or right is None or len(left) + len(right) != 3 or shapes.is_seen(node, source):
                continue
            n = left[0]
            if n >= 2 and {left, right} == {(n, 1), (n,)}:
                yield Miscount(
                    source, node, "a column is compared with a row, so that each answer meets each label",
                    f"{left} and {right} give {(n, n)}: {n * n:,} comparisons for {n:,} rows",
                    "the mean of them is no accuracy",
                    "     make both the same shape first: .squeeze(1) or .ravel() of the column",
                )  # fmt: skip


def _is_reduced(source: Source, node: ast.AST) -> bool:
    """A mean or a sum is taken of it, on this line or by the name that it is given."""
    last: ast.AST = node
    for parent in source.parents(node):
        if isinstance(parent, ast.stmt):
            last = parent
            break
        if isinstance(parent, ast.Call) and called(parent) in _REDUCING:
            return True
    if not (isinstance(last, ast.Assign) and last.value is node and isinstance(last.targets[0], ast.Name)):
        return False
    name = last.targets[0].id
    calls = [one for one in source.nodes(ast.Call) if called(one) in _REDUCING and one.lineno > last.lineno]
    given = [part for one in calls for part in [*one.args, getattr(one.func, "value", None)]]
    return any(isinstance(one, ast.Name) and one.id == name for one in given)


class _Shapes:
    """Of expressions: what an operation there gave each time, what a variable of the script holds."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._seen: dict[_Span, set[Shape]] = {}
        for made in facts.ops:
            site = made.site
            span = (site.path, site.line, site.column, site.end_line, site.end_column)
            self._seen.setdefault(span, set()).add(made.shape)

    def _at(self, node: ast.expr, source: Source) -> set[Shape]:
        span = (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
        return self._seen.get((source.path, *span), set())

    def is_seen(self, node: ast.expr, source: Source) -> bool:
        """Tensors were compared here, and are judged as such."""
        return bool(self._at(node, source))

    def of(self, node: ast.expr, source: Source, line: int, depth: int = 0) -> Shape | None:
        """The shape of an expression that stands on a line, if it never changed; None where nobody can say."""
        if depth > DEEPEST:
            return None
        seen = self._at(node, source)
        if seen:
            return next(iter(seen)) if len(seen) == 1 else None
        if isinstance(node, ast.Name):
            return self._of_name(node.id, source, line, depth)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.comparators[0], ast.Constant):
            return self.of(node.left, source, line, depth + 1)
        if isinstance(node, ast.Call) and called(node) in _SAME_SHAPE and isinstance(node.func, ast.Attribute):
            is_function = isinstance(node.func.value, ast.Name) and node.func.value.id in _LIBRARIES
            given = node.args[0] if is_function and node.args else node.func.value
            return self.of(given, source, line, depth + 1)
        return None

    def _of_name(self, name: str, source: Source, line: int, depth: int) -> Shape | None:
        function = source.function_around(line)
        if is_settled(source, name, self._facts, line):
            shape = getattr(self._facts.variables.get(name), "shape", None)
            return tuple(int(one) for one in shape) if isinstance(shape, tuple) else None
        if function is None:
            return None
        stored = [part for part in ast.walk(function) if isinstance(part, ast.Name) and part.id == name]
        stored = [part for part in stored if isinstance(part.ctx, ast.Store)]
        names = [one.arg for one in function.args.args]
        if name in names and not stored:
            return self._of_argument(function, names.index(name) - (names[0] == "self"), name, source, depth)
        given = [
            one.value
            for one in ast.walk(function)
            if isinstance(one, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in one.targets)
        ]
        if len(given) != 1 or len(stored) != 1 or name in names:
            return None
        return self.of(given[0], source, given[0].lineno, depth + 1)

    def _of_argument(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, place: int, name: str, source: Source, depth: int
    ) -> Shape | None:
        """What the only call of the function in this file gives."""
        calls = [one for one in source.nodes(ast.Call) if called(one) == function.name]
        if len(calls) != 1:
            return None
        words = {word.arg: word.value for word in calls[0].keywords}
        given = words.get(name, calls[0].args[place] if 0 <= place < len(calls[0].args) else None)
        return self.of(given, source, calls[0].lineno, depth + 1) if given is not None else None
