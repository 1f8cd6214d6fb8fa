"""A09: a whole module pickled, or loaded as one."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source


class WholeModulePickled(Rule):
    id: ClassVar[str] = "A09"
    title: ClassVar[str] = "whole module pickled"
    level: ClassVar[Level] = "W"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "torch.save(model) pickles the class by its name and place: after the next rename it cannot be read, and "
        "reading it runs whatever the file says. Since PyTorch 2.6 torch.load refuses it unless "
        "weights_only=False is given, which lets a stranger's file run code."
    )
    detected: ClassVar[str] = "torch.save of a name that holds a module, and torch.load with weights_only=False."
    silent: ClassVar[str] = "state_dict(), dictionaries of them, and tensors."
    sick: ClassVar[str] = """
import io
import torch

net = torch.nn.Linear(2, 1)
torch.save(net, io.BytesIO())
"""
    healthy: ClassVar[str] = sick.replace("torch.save(net,", "torch.save(net.state_dict(),")

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
            if full == "torch.save" and call.args and names.kind_of_value(call.args[0]) == "module":
                yield self._describe(
                    source, call, f"{ast.unparse(call.args[0])} is a module, and is written whole",
                    source.replace_node(call.args[0], f"{ast.unparse(call.args[0])}.state_dict()"),
                )  # fmt: skip
            elif full == "torch.load" and any(
                word.arg == "weights_only" and isinstance(word.value, ast.Constant) and word.value.value is False
                for word in call.keywords
            ):
                yield self._describe(source, call, "weights_only=False lets the file run code",
                                     "     load a state_dict: net.load_state_dict(torch.load(path))")  # fmt: skip

    def _describe(self, source: Source, node: ast.expr, evidence: str, fix: str) -> Finding:
        return self.finding(
            (source, node),
            message="a pickled module cannot be read after changes, and can run code",
            evidence=evidence,
            why="the file is bound to this source, and not safe to share",
            fix=fix,
        )
