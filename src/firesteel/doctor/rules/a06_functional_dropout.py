"""A06: functional dropout that never stops."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

_DROPOUTS = frozenset(["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"])


class FunctionalDropout(Rule):
    id: ClassVar[str] = "A06"
    title: ClassVar[str] = "functional dropout without training="
    level: ClassVar[Level] = "W"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "F.dropout(x) is in training mode unless it is told otherwise: eval() does not reach it, and it goes on "
        "dropping values when the net is scored."
    )
    detected: ClassVar[str] = "A call of torch.nn.functional's dropout without `training` in a forward."
    silent: ClassVar[str] = (
        "`training` given, whatever it is (Monte Carlo dropout says True); nn.Dropout; a rate of 0; "
        "functions that are no forward."
    )
    sick: ClassVar[str] = """
import torch
import torch.nn.functional as F

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.one = torch.nn.Linear(2, 4)
    def forward(self, x):
        return F.dropout(self.one(x), 0.5)

print(Net()(torch.ones(1, 2)))
"""
    healthy: ClassVar[str] = sick.replace("0.5)", "0.5, training=self.training)")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case.sources[path])

    def _look(self, source: Source) -> Iterable[Finding]:
        names = Names(source)
        for call in source.nodes(ast.Call):
            full = names.full(call.func)
            if not full.startswith("torch.nn.functional.") or full.rpartition(".")[2] not in _DROPOUTS:
                continue
            around = source.function_around(call.lineno)
            in_module = any(isinstance(one, ast.ClassDef) and one.name in names.modules for one in source.parents(call))
            words = {word.arg: word.value for word in call.keywords}
            given = words.get("training", call.args[2] if len(call.args) > 2 else None)
            rate = words.get("p", call.args[1] if len(call.args) > 1 else None)
            is_zero = isinstance(rate, ast.Constant) and rate.value == 0
            if around is None or not in_module or given is not None or is_zero or None in words:
                continue
            more = [word for word in call.keywords if word.arg != "training"]
            inner = ", ".join(ast.unparse(part) for part in (*call.args[:2], *more))
            yield self.finding(
                (source, call),
                message="this dropout does not stop when the net is evaluated",
                evidence="its argument training is not given, and True by default",
                why="scores are those of a net with holes",
                fix=source.replace_node(call, f"{ast.unparse(call.func)}({inner}, training=self.training)"),
            )
