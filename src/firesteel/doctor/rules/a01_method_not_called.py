"""A01: a method that is named and not called."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: What each kind does when it is called; named without parentheses it does nothing.
_METHODS = {
    "optimizer": {"step", "zero_grad"},
    "scheduler": {"step"},
    "module": {"train", "eval", "zero_grad", "cuda", "cpu", "half", "float", "double"},
    "tensor": {"backward", "zero_", "detach_", "requires_grad_"},
}
#: Methods that nothing else has.
_TELLING = {"backward", "zero_grad"}


class MethodNotCalled(Rule):
    id: ClassVar[str] = "A01"
    title: ClassVar[str] = "method not called"
    level: ClassVar[Level] = "E"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "`optimizer.step` without parentheses names the method and does nothing. Python says nothing, and no step "
        "is taken."
    )
    detected: ClassVar[str] = (
        "A statement that is only a name with a dot: a method of an optimizer, a schedule, a net or a loss."
    )
    silent: ClassVar[str] = "Attributes that are no methods, and methods that are handed on or called."
    sick: ClassVar[str] = """
import torch

net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
net(torch.ones(4, 2)).sum().backward()
optimizer.step
"""
    healthy: ClassVar[str] = sick.replace("optimizer.step", "optimizer.step()")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case.sources[path])

    def _look(self, source: Source) -> Iterable[Finding]:
        names = Names(source)
        for node in source.nodes(ast.Expr):
            value = node.value
            if not isinstance(value, ast.Attribute):
                continue
            kind = names.kind(value.value) or _kind_by_use(source, value.value)
            if value.attr in _METHODS.get(kind, set()) or value.attr in _TELLING:
                yield self.finding(
                    (source, value),
                    message=f"{ast.unparse(value)} is named, not called",
                    evidence=f"the statement is only a name; {kind or 'the object'}'s {value.attr} "
                    f"does nothing without ()",
                    why="nothing happens, and no error says so",
                    fix=source.replace_node(value, f"{ast.unparse(value)}()"),
                )


def _kind_by_use(source: Source, node: ast.expr) -> str:
    """What an object that came from elsewhere must be, by what is called on it in this file."""
    name = ast.unparse(node)
    calls = [one.func for one in source.nodes(ast.Call) if isinstance(one.func, ast.Attribute)]
    used = {func.attr for func in calls if ast.unparse(func.value) == name}
    if used & {"parameters", "train", "eval"}:
        return "module"
    return "optimizer" if used & {"zero_grad", "step"} else ""
