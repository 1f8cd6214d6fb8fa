"""A05: a layer that is defined and never used."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source


class LayerNeverUsed(Rule):
    id: ClassVar[str] = "A05"
    title: ClassVar[str] = "layer defined and never used"
    level: ClassVar[Level] = "W"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "A layer that __init__ makes and forward never calls does nothing: the dropout, the batch norm or the "
        "second layer that one counts on is not there."
    )
    detected: ClassVar[str] = (
        "self.name = a layer of torch.nn in __init__, and self.name is read nowhere in the class or the file; "
        "taken back where the layer was called when the script ran."
    )
    silent: ClassVar[str] = (
        "Classes that go over their children, look attributes up by name, or are derived from; layers read from "
        "outside; classes that were not called before the run was stopped."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(2, 4)
        self.drop = nn.Dropout(0.5)
    def forward(self, x):
        return self.one(x)

print(Net()(torch.ones(1, 2)))
"""
    healthy: ClassVar[str] = sick.replace("return self.one(x)", "return self.drop(self.one(x))")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case, case.sources[path])

    def _look(self, case: Case, source: Source) -> Iterable[Finding]:
        names = Names(source)
        read = {node.attr for node in source.nodes(ast.Attribute) if isinstance(node.ctx, ast.Load)}
        texts = {node.value for node in source.nodes(ast.Constant) if isinstance(node.value, str)}
        bases = {getattr(base, "id", "") for node in source.nodes(ast.ClassDef) for base in node.bases}
        for node in source.nodes(ast.ClassDef):
            if node.name not in names.modules or node.name in bases or _walks_children(node):
                continue
            if case.facts.stopped and not _was_run(case, source, node):
                continue
            for statement in [part for part in ast.walk(node) if isinstance(part, ast.Assign)]:
                target = statement.targets[0]
                if not isinstance(target, ast.Attribute) or getattr(target.value, "id", "") != "self":
                    continue
                is_layer = isinstance(statement.value, ast.Call) and names.kind_of_value(statement.value) == "module"
                if (
                    is_layer
                    and target.attr not in read
                    and target.attr not in texts
                    and not _was_called(case, source, statement)
                ):
                    yield self.finding(
                        (source, target),
                        message=f"the layer self.{target.attr} is never used",
                        evidence=f"{ast.unparse(statement.value)} is made in {node.name}, and "
                        f"self.{target.attr} is read nowhere",
                        why="what it was meant to do is not done",
                        fix=f"     call self.{target.attr}(...) in forward, or delete the line",
                    )


def _walks_children(node: ast.ClassDef) -> bool:
    """It goes over its layers without naming them."""
    walking = {"children", "named_children", "modules", "named_modules", "_modules", "__dict__"}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in walking:
            return True
        if isinstance(part, ast.Call) and getattr(part.func, "id", "") in ("getattr", "vars"):
            return True
    return not any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body)


def _was_run(case: Case, source: Source, node: ast.ClassDef) -> bool:
    """An operation was seen in the methods of a class."""
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return any(
        one.module is not None and one.site.path == source.path and one.site.line in lines for one in case.facts.ops
    )


def _was_called(case: Case, source: Source, statement: ast.Assign) -> bool:
    """A module that was made on this line took part in an operation."""
    last = statement.end_lineno or statement.lineno
    called = {made.module.site for made in case.facts.ops if made.module is not None and made.module.site is not None}
    return any(site.path == source.path and statement.lineno <= site.line <= last for site in called)
