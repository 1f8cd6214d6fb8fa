"""A04: an attribute that no tensor has."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: What people write for it; Python sets any of them without a word.
_TYPOS = frozenset(
    {
        "require_grad", "requires_gradient", "require_gradient", "required_grad", "requiers_grad",
        "requires_grads", "require_grads", "requiresgrad", "requires_Grad", "need_grad", "needs_grad"}
)  # fmt: skip


class AttributeTypo(Rule):
    id: ClassVar[str] = "A04"
    title: ClassVar[str] = "attribute typo"
    level: ClassVar[Level] = "E"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "Python lets anybody set any attribute: p.require_grad = False makes a new one, and p goes on learning. "
        "The one that counts is requires_grad."
    )
    detected: ClassVar[str] = "An assignment to an attribute, or an argument, that is nearly requires_grad and is not."
    silent: ClassVar[str] = "Attributes of the script's own classes that are read somewhere."
    sick: ClassVar[str] = """
import torch

net = torch.nn.Linear(2, 1)
for p in net.parameters():
    p.require_grad = False
"""
    healthy: ClassVar[str] = sick.replace("require_grad", "requires_grad")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case.sources[path])

    def _look(self, source: Source) -> Iterable[Finding]:
        read = {node.attr for node in source.nodes(ast.Attribute) if isinstance(node.ctx, ast.Load)}
        for node in source.nodes(ast.Attribute):
            if isinstance(node.ctx, ast.Store) and node.attr in _TYPOS - read:
                yield self.finding(
                    (source, node),
                    message=f"no tensor has an attribute '{node.attr}'",
                    evidence=f"'{node.attr}' is set here and read nowhere; the attribute is requires_grad",
                    why="nothing is frozen or thawed, and no error says so",
                    fix=source.change_line(node.lineno, node.attr, "requires_grad"),
                )
