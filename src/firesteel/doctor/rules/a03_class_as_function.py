"""A03: a class of layers used as a function."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: Layers and losses whose first argument is no tensor.
_LAYERS = frozenset(
    {
        "ReLU", "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "LeakyReLU", "ELU", "GELU", "SiLU", "Softplus",
        "Dropout", "Flatten", "Identity", "Hardtanh", "ReLU6", "Softsign", "LogSigmoid"}
)  # fmt: skip
_LOSSES = frozenset(
    {
        "CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCELoss",
        "BCEWithLogitsLoss", "KLDivLoss"}
)  # fmt: skip

#: Layers whose first setting is a number, which may be computed.
_WITH_NUMBERS = frozenset({"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "LeakyReLU", "ELU", "CELU",
                           "Softmax", "LogSoftmax", "Softmin", "Softplus", "Threshold", "Hardshrink", "Softshrink",
                           "GLU", "PReLU", "RReLU"})  # fmt: skip


class ClassAsFunction(Rule):
    id: ClassVar[str] = "A03"
    title: ClassVar[str] = "class used as a function"
    level: ClassVar[Level] = "E"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "nn.Sigmoid(x) makes a layer and takes x for a setting; nn.MSELoss(a, b) makes a loss. What comes out is "
        "a module and no tensor. Some raise an error at once, others much later."
    )
    detected: ClassVar[str] = (
        "A layer or loss of torch.nn that is given what is no setting: a computed value, a name that holds a "
        "tensor, the argument of forward; or a class itself in an nn.Sequential, without parentheses."
    )
    silent: ClassVar[str] = "Settings: nn.ReLU(True), nn.Softmax(1), nn.Dropout(p), nn.CrossEntropyLoss(weights)."
    sick: ClassVar[str] = """
import torch
from torch import nn

x = torch.randn(4, 2)
y = nn.ReLU(torch.tanh(x))
print(y)
"""
    healthy: ClassVar[str] = sick.replace("nn.ReLU(torch", "nn.ReLU()(torch")

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
            kind = full.rpartition(".")[2] if full.startswith("torch.nn.") else ""
            if kind == "Sequential":
                for arg in call.args:
                    inner = names.full(arg).rpartition(".")[2] if not isinstance(arg, ast.Call) else ""
                    if inner in _LAYERS:
                        yield self._describe(
                            source, arg, f"{inner} stands there without parentheses", f"{ast.unparse(arg)}()"
                        )
                continue
            is_loss = kind in _LOSSES and len(call.args) >= 2 and not _is_setting(call.args[1])
            is_layer = kind in _LAYERS and len(call.args) == 1 and self._is_tensor(names, call.args[0], kind)
            if is_loss or is_layer:
                given = ", ".join(ast.unparse(arg) for arg in call.args)
                yield self._describe(
                    source, call, f"{kind} is made with {given} as its settings", f"{ast.unparse(call.func)}()({given})"
                )

    def _describe(self, source: Source, node: ast.expr, evidence: str, fix: str) -> Finding:
        return self.finding(
            (source, node),
            message="a class is used as a function",
            evidence=evidence,
            why="what comes out is a module and no tensor",
            fix=source.replace_node(node, fix),
        )

    @staticmethod
    def _is_tensor(names: Names, arg: ast.expr, kind: str) -> bool:
        is_sum = isinstance(arg, ast.BinOp) and not _is_setting(arg) and kind not in _WITH_NUMBERS
        if names.kind_of_value(arg) == "tensor" or is_sum:
            return True
        if isinstance(arg, ast.Call):
            full = names.full(arg.func)
            is_layer = isinstance(arg.func, ast.Attribute) and isinstance(arg.func.value, ast.Name)
            is_own = is_layer and isinstance(arg.func, ast.Attribute) and getattr(arg.func.value, "id", "") == "self"
            return full.startswith("torch.") or is_own or names.kind(arg.func) == "module"
        return names.is_local_of_forward(arg) or names.is_used_as_tensor(arg)


def _is_setting(node: ast.expr) -> bool:
    return all(isinstance(part, ast.Constant | ast.operator | ast.BinOp | ast.UnaryOp | ast.unaryop)
               for part in ast.walk(node))  # fmt: skip
