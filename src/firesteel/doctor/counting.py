"""How hits are counted and what they are divided by: found by the tree, with the numbers of rows that were seen."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, Dataset

from firesteel.doctor.facts import Facts, LoaderPass
from firesteel.doctor.source import Source, Sources


@dataclass(frozen=True)
class Miscount:
    """A line of a metric that cannot come out right."""

    source: Source
    node: ast.AST
    message: str
    evidence: str
    why: str
    fix: str


def miscounts(facts: Facts, sources: Sources) -> Iterator[Miscount]:
    passes: dict[tuple[str, int], list[LoaderPass]] = {}
    for one in (one for loader in facts.loaders for one in loader.passes):
        passes.setdefault((one.site.path, one.site.line), []).append(one)
    compared = _rows_compared(facts)
    for path in facts.files():
        source = sources[path]
        for loop in source.nodes(ast.For):
            read = [one for one in passes.get((path, loop.iter.lineno), []) if one.n_batches]
            if read:
                yield from _in_loop(facts, source, loop, read)
                yield from _of_means(facts, source, loop, read[-1])
        yield from _at_once(facts, source, compared.get(path, {}))


def _rows_compared(facts: Facts) -> dict[str, dict[int, int]]:
    """Of each file: the line of a comparison and how many rows went into it, where that never changed."""
    seen: dict[tuple[str, int], set[int]] = {}
    for made in facts.ops:
        if made.op in ("eq", "ne") and len(made.shape) == 1:
            seen.setdefault((made.site.path, made.site.line), set()).add(made.shape[0])
    found: dict[str, dict[int, int]] = {}
    for (path, line), sizes in seen.items():
        if len(sizes) == 1:
            found.setdefault(path, {})[line] = next(iter(sizes))
    return found


def _in_loop(facts: Facts, source: Source, loop: ast.For, read: list[LoaderPass]) -> Iterator[Miscount]:
    one = read[-1]
    n_rows = one.loader.n_rows or len(one.indices)
    for name in accumulated(loop, is_hits):
        for division, right in divisions(source, loop.lineno, name):
            if ast.unparse(right) == f"len({ast.unparse(loop.iter)})":
                if one.n_batches < n_rows:
                    yield _by_batches(source, division, right, one, n_rows)
            elif isinstance(right, ast.Name) and (counter := _counts_batches(loop, right.id)) is not None:
                if one.n_batches < n_rows:
                    yield Miscount(
                        source, counter, "hits are summed over rows, and this counts batches",
                        f"the loader gave {one.n_batches:,} batches of {n_rows:,} rows in all",
                        "the score is too large by the size of a batch",
                        "     count the rows: add len(labels) of each batch",
                    )  # fmt: skip
            else:
                n, n_given = _length(right, facts, source, division.lineno), _rows_given(read)
                if n is not None and n_given is not None and abs(n - n_given) >= (one.loader.batch_size or 1):
                    yield _by_others(source, division, right, n, n_given)


def _of_means(facts: Facts, source: Source, loop: ast.For, one: LoaderPass) -> Iterator[Miscount]:
    """Shares of hits of each batch that are added up, and divided by rows, or by nothing."""
    n_rows = one.loader.n_rows or len(one.indices)
    if not 1 < one.n_batches < n_rows:
        return
    for name in accumulated(loop, is_share):
        found = list(divisions(source, loop.lineno, name))
        for division, right in found:
            text = ast.unparse(right)
            is_rows = _counts_rows(loop, text) or text == f"len({ast.unparse(loop.iter)}.dataset)"
            if is_rows or _length(right, facts, source, loop.lineno) == n_rows:
                yield Miscount(
                    source, division, "shares of hits were summed over batches and are divided by the number of rows",
                    f"the loader gave {one.n_batches:,} batches of {n_rows:,} rows in all",
                    "the score is too small by the size of a batch",
                    "     divide by the number of batches, or add up (answers == labels).sum()",
                )  # fmt: skip
        printed = _printed(source, loop, name) if not found else None
        if printed is not None:
            yield Miscount(
                source, printed, "shares of hits were summed over batches and are divided by nothing",
                f"the loader gave {one.n_batches:,} batches, so this goes up to {one.n_batches:,}",
                "the score is above 1, and grows with the number of batches",
                f"     {name} / len({ast.unparse(loop.iter)})",
            )  # fmt: skip


def _counts_rows(loop: ast.For, name: str) -> bool:
    """`n += len(labels)` in the loop, or labels.size(0), labels.shape[0]."""
    added = [ast.unparse(one.value) for one in ast.walk(loop) if isinstance(one, ast.AugAssign)
             and ast.unparse(one.target) == name]  # fmt: skip
    return len(added) == 1 and (added[0].startswith("len(") or added[0].endswith((".size(0)", ".shape[0]")))


def _printed(source: Source, loop: ast.For, name: str) -> ast.AST | None:
    """The print behind the loop that shows a name as it is, if that is all that becomes of it."""
    within: ast.AST = source.function_around(loop.lineno) or source.tree
    end = loop.end_lineno or loop.lineno
    used = [part for part in ast.walk(within) if isinstance(part, ast.Name) and part.id == name and part.lineno > end]
    used = [part for part in used if not _is_reset(source, part)]
    shown = []
    for part in used:
        parents = list(source.parents(part))
        is_plain = not any(isinstance(one, ast.BinOp | ast.Return | ast.Assign | ast.AugAssign) for one in parents)
        call = next((one for one in parents if isinstance(one, ast.Call) and _called(one) == "print"), None)
        if not is_plain or call is None:
            return None
        shown.append(call)
    return shown[0] if shown else None


def _is_reset(source: Source, part: ast.Name) -> bool:
    return isinstance(part.ctx, ast.Store) and isinstance(source.statement_at(part.lineno), ast.Assign)


def _rows_given(read: list[LoaderPass]) -> int | None:
    """How many rows each pass gave; None where one was left early or is not known to its end, or they differ."""
    known = [one.is_complete and len(one.indices) > (one.n_batches - 1) * (one.loader.batch_size or 1) for one in read]
    sizes = {len(one.indices) if is_known else 0 for one, is_known in zip(read, known, strict=True)}
    return next(iter(sizes)) or None if len(sizes) == 1 else None


def _by_batches(source: Source, division: ast.AST, right: ast.expr, one: LoaderPass, n_rows: int) -> Miscount:
    return Miscount(
        source, division, "hits were summed over rows and are divided by the number of batches",
        f"the loader gave {one.n_batches:,} batches of {n_rows:,} rows in all",
        "the score is too large by the size of a batch",
        f"     divide by the number of rows: {ast.unparse(right)[:-1]}.dataset)",
    )  # fmt: skip


def _by_others(source: Source, division: ast.AST, right: ast.expr, n: int, n_rows: int) -> Miscount:
    return Miscount(
        source, division, "hits are divided by the number of other rows than they were counted over",
        f"they were counted over {n_rows:,} rows and are divided by {n:,} ({ast.unparse(right)})",
        "the score is off by the ratio of the two",
        f"     divide by the {n_rows:,} rows that were compared",
    )  # fmt: skip


def _at_once(facts: Facts, source: Source, compared: Mapping[int, int]) -> Iterator[Miscount]:
    """`hits = (answers == labels).sum()` and then `hits / len(of something else)`, or both in one expression."""
    for node in source.nodes(ast.BinOp):
        if not isinstance(node.op, ast.Div) or (n := _length(node.right, facts, source, node.lineno)) is None:
            continue
        n_rows = _n_hits(node.left, source, compared)
        if n_rows is not None and n != n_rows and not _is_summed(source, node):
            yield _by_others(source, node, node.right, n, n_rows)


def _is_summed(source: Source, node: ast.BinOp) -> bool:
    """It is one share of a sum over batches."""
    parents = list(source.parents(node))
    return any(
        isinstance(one, ast.AugAssign) or (isinstance(one, ast.Call) and _called(one) == "sum") for one in parents
    )


def _n_hits(node: ast.expr, source: Source, compared: Mapping[int, int]) -> int | None:
    """Over how many rows an expression counts hits."""
    if is_hits(node):
        return compared.get(node.lineno)
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}
    calls = any(isinstance(part, ast.Call) and not _is_taking(part) for part in ast.walk(node))
    if len(names) != 1 or calls:
        return None
    assigned = _assignments(source, next(iter(names)), node.lineno)
    if len(assigned) != 1 or not isinstance(assigned[0], ast.Assign) or not is_hits(assigned[0].value):
        return None
    return compared.get(assigned[0].lineno)


def _is_taking(call: ast.Call) -> bool:
    return _called(call) in ("item", "float", "int")


def is_hits(node: ast.expr) -> bool:
    """The sum of one comparison, and nothing else; not one that goes over batches by itself."""
    if any(isinstance(part, ast.GeneratorExp | ast.ListComp) for part in ast.walk(node)):
        return False
    calls = {_called(part) for part in ast.walk(node) if isinstance(part, ast.Call)}
    compares = [part for part in ast.walk(node) if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.Eq)]
    is_one = len(compares) + ("eq" in calls) == 1
    divides = any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div) for part in ast.walk(node))
    return "sum" in calls and is_one and "mean" not in calls and not divides


def is_share(node: ast.expr) -> bool:
    """The mean of one comparison, and nothing else."""
    if any(isinstance(part, ast.BinOp | ast.GeneratorExp | ast.ListComp) for part in ast.walk(node)):
        return False
    calls = {_called(part) for part in ast.walk(node) if isinstance(part, ast.Call)}
    compares = [part for part in ast.walk(node) if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.Eq)]
    return "mean" in calls and len(compares) + ("eq" in calls) == 1


def accumulated(loop: ast.For, is_it: Callable[[ast.expr], bool]) -> Iterator[str]:
    """Names to which `(answers == labels).sum()` of each batch is added, say, perhaps by another name."""
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    for node in ast.walk(loop):
        if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Add):
            continue
        value = _inside(node.value)
        given = named.get(value.id, []) if isinstance(value, ast.Name) else [node.value]
        if isinstance(node.target, ast.Name) and len(given) == 1 and is_it(given[0]):
            yield node.target.id


def _inside(node: ast.expr) -> ast.expr:
    """What `.item()`, float() or int() is taken of."""
    while isinstance(node, ast.Call) and _is_taking(node):
        inner = node.func.value if isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
        if inner is None:
            break
        node = inner
    return node


def _counts_batches(loop: ast.For, name: str) -> ast.AugAssign | None:
    """`n += 1` right in the loop."""
    found = [one for one in loop.body if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name)]
    found += [
        part for one in loop.body if isinstance(one, ast.With) for part in one.body if isinstance(part, ast.AugAssign)
    ]
    for one in found:
        is_one = isinstance(one.value, ast.Constant) and one.value.value == 1
        if isinstance(one.target, ast.Name) and one.target.id == name and is_one:
            return one
    return None


def divisions(source: Source, line: int, name: str) -> Iterator[tuple[ast.BinOp | ast.AugAssign, ast.expr]]:
    """`hits / n` or `hits /= n` behind a line, in the same function, with no other count above; and n.

    Where n is a name that was given `len(...)` once, it is that.
    """
    within: ast.AST = source.function_around(line) or source.tree
    for node in ast.walk(within):
        if not isinstance(node, ast.BinOp | ast.AugAssign) or not isinstance(node.op, ast.Div) or node.lineno <= line:
            continue
        left = node.left if isinstance(node, ast.BinOp) else node.target
        right = node.right if isinstance(node, ast.BinOp) else node.value
        names = {part.id for part in ast.walk(left) if isinstance(part, ast.Name)}
        if names == {name} and not _assigned_between(within, name, line, node.lineno):
            yield node, _length_of(source, right)


def _length_of(source: Source, node: ast.expr) -> ast.expr:
    given = _assignments(source, node.id, node.lineno) if isinstance(node, ast.Name) else []
    value = given[0].value if len(given) == 1 and isinstance(given[0], ast.Assign) else None
    return value if isinstance(value, ast.Call) and _called(value) == "len" else node


def _assigned_between(within: ast.AST, name: str, first: int, last: int) -> bool:
    """It is set or summed anew behind the end of the loop: the score of another set."""
    loop = next((one for one in ast.walk(within) if isinstance(one, ast.For) and one.lineno == first), None)
    end = (loop.end_lineno or first) if loop is not None else first
    return any(
        isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store) and end < part.lineno < last
        for part in ast.walk(within)
    )


def _length(node: ast.expr, facts: Facts, source: Source, line: int) -> int | None:
    """The value of `len(name)` or `len(name.dataset)` where the name is a variable of the script, set once."""
    if not (isinstance(node, ast.Call) and _called(node) == "len" and len(node.args) == 1):
        return None
    given = node.args[0]
    is_dataset = isinstance(given, ast.Attribute) and given.attr == "dataset"
    base = given.value if isinstance(given, ast.Attribute) and is_dataset else given
    if not isinstance(base, ast.Name) or not is_settled(source, base.id, facts, line):
        return None
    value: Any = facts.variables[base.id]
    value = getattr(value, "dataset", None) if is_dataset else value
    return _rows_of(value)


def _rows_of(value: Any) -> int | None:
    """Of an array, a tensor, a data set; not of a list, which may have grown since."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    if not isinstance(value, Dataset | DataLoader):
        return None
    try:
        return len(value) if isinstance(value, Sized) else None
    except (TypeError, NotImplementedError):
        return None


def is_settled(source: Source, name: str, facts: Facts, line: int) -> bool:
    """A variable of the script that is set once, outside of loops and functions, and not hidden at a line."""
    if source.path != facts.script or name not in facts.variables:
        return False
    function = source.function_around(line)
    if function is not None and any(isinstance(part, ast.arg) and part.arg == name for part in ast.walk(function)):
        return False
    stored = [
        part
        for part in ast.walk(source.tree)
        if isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store)
    ]
    around = source.parents(stored[0]) if len(stored) == 1 else iter(())
    kinds = [type(one) for one in around]
    looping = (ast.For, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.comprehension, ast.AugAssign, ast.Lambda)
    return bool(kinds) and not any(issubclass(kind, looping) for kind in kinds)


def _assignments(source: Source, name: str, line: int) -> list[ast.stmt]:
    within: ast.AST = source.function_around(line) or source.tree
    return [
        node
        for node in ast.walk(within)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(target))
    ]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
