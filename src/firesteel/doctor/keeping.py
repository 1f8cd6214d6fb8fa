"""Which statement puts a tensor away: found by the tree, from the line that made it outwards."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from firesteel.doctor.facts import Facts
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources

_PUTTING = ("append", "add", "extend", "insert", "put", "appendleft", "setdefault", "update")
#: What makes a number, or a tensor without a graph, of a tensor.
_CUTTING = {"item", "detach", "data", "tolist", "numpy", "float", "int", "round", "format", "str", "print"}
#: A function that gives the tensor back is followed to its callers, so often.
_MOST_CALLERS = 3

Place = tuple[Source, ast.AST]


def keeper(facts: Facts, sources: Sources, site: Site) -> Place | None:
    """The statement that puts away what the statement of a site worked on or gave a name to; None if none is found."""
    source = sources.of(site)
    statement = source.statement_at(site.line)
    if statement is None:
        return None
    names = {*_backward_of(source, site), *_targets(statement)}
    if not names and _puts(statement, set(), [source.node_at(site)]):
        return source, statement
    around: ast.AST = source.function_around(site.line) or source.tree
    return _keeper_in(source, around, names, [sources[path] for path in facts.files()], _MOST_CALLERS)


def _keeper_in(source: Source, around: ast.AST, names: set[str], others: list[Source], most: int) -> Place | None:
    for node in _statements(around):
        if _puts(node, names, []):
            return source, node
    if not isinstance(around, ast.FunctionDef) or most == 0 or not _is_given_back(around, names):
        return None
    for other in others:
        for call in other.nodes(ast.Call):
            if _called(call) != around.name:
                continue
            statement = other.statement_at(call.lineno)
            if statement is None:
                continue
            if _puts(statement, set(), [call]):
                return other, statement
            within: ast.AST = other.function_around(call.lineno) or other.tree
            found = (
                _keeper_in(other, within, set(_targets(statement)), others, most - 1) if within is not around else None
            )
            if found is not None:
                return found
    return None


def _statements(around: ast.AST) -> Iterable[ast.stmt]:
    found = [node for node in ast.walk(around) if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    return sorted(found, key=lambda node: node.lineno)


def _puts(node: ast.stmt, names: set[str], nodes: list[ast.AST | None]) -> bool:
    """It puts one of these away as it is: into a list, a dict, an attribute, or a tensor that grows."""
    kept: list[ast.expr] = []
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _called(node.value) in _PUTTING:
        kept = [*node.value.args, *(word.value for word in node.value.keywords)]
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript | ast.Attribute):
        kept = [node.value]
    elif isinstance(node, ast.AugAssign):
        kept = [node.value] if isinstance(node.op, ast.Add) and isinstance(node.value, ast.List) else []
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        own = node.targets[0].id
        is_growing = any(isinstance(part, ast.Name) and part.id == own for part in ast.walk(node.value))
        kept = [node.value] if is_growing and own not in names else []
    return any(
        part in nodes or (isinstance(part, ast.Name) and part.id in names) for one in kept for part in _with_graph(one)
    )


def _with_graph(node: ast.AST) -> Iterable[ast.AST]:
    """The parts of an expression out of which nobody takes the number."""
    if isinstance(node, ast.Attribute | ast.Name) and getattr(node, "attr", "") in _CUTTING:
        return
    if isinstance(node, ast.Call) and _called(node) in _CUTTING:
        return
    yield node
    for part in ast.iter_child_nodes(node):
        yield from _with_graph(part)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _backward_of(source: Source, site: Site) -> Iterable[str]:
    call = source.node_at(site)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        yield call.func.value.id


def _targets(statement: ast.stmt) -> Iterable[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


def _is_given_back(function: ast.FunctionDef, names: set[str]) -> bool:
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    return any(isinstance(part, ast.Name) and part.id in names for one in returned for part in _with_graph(one))
