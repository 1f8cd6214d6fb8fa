"""A02: a result that is thrown away."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.naming import Names
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: What has a twin with an underscore that works in place gives a new tensor itself.
_WITH_TWINS = frozenset(
    one[:-1]
    for one in dir(torch.Tensor)
    if not one.startswith("_") and one.endswith("_") and hasattr(torch.Tensor, one[:-1])
) - {"requires_grad", "put", "resize"}
#: Methods of tensors that give a new one.
_METHODS = _WITH_TWINS | {
    "to", "cuda", "cpu", "float", "double", "half", "long", "int", "bool", "view", "reshape", "clone", "permute",
    "flatten", "softmax", "log_softmax", "contiguous", "type", "expand", "repeat", "where", "mean", "sum", "roll",
    "flip",
}  # fmt: skip
_FUNCTIONS = _WITH_TWINS | {
    "softmax", "log_softmax", "dropout", "leaky_relu", "gelu", "elu", "normalize", "flatten", "reshape", "permute",
    "where", "cat", "stack", "roll", "flip", "pad", "one_hot",
}  # fmt: skip
#: Methods that nothing but a tensor has.
_OF_TENSORS_ALONE = frozenset(
    {"relu", "sigmoid", "tanh", "softmax", "log_softmax", "squeeze", "unsqueeze", "permute", "clamp"}
) | {one for one in _WITH_TWINS if "_" in one}


class ResultDiscarded(Rule):
    id: ClassVar[str] = "A02"
    title: ClassVar[str] = "result discarded"
    level: ClassVar[Level] = "E"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "Most operations on tensors give a new tensor and leave the old one as it was. A statement that does not "
        "keep the result does nothing: x.to(device) moves no x. Modules do move in place."
    )
    detected: ClassVar[str] = (
        "A statement that is only a call: a function of torch that changes nothing in place, or such a method of "
        "a tensor."
    )
    silent: ClassVar[str] = (
        "In-place forms (relu_, inplace=True, out=), methods of modules, calls whose result is used."
    )
    sick: ClassVar[str] = """
import torch
import torch.nn.functional as F

x = torch.randn(4, 2)
F.relu(x)
print(x)
"""
    healthy: ClassVar[str] = sick.replace("F.relu(x)", "x = F.relu(x)")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case.sources[path])

    def _look(self, source: Source) -> Iterable[Finding]:
        names = Names(source)
        for node in source.nodes(ast.Expr):
            call = node.value
            if not isinstance(call, ast.Call) or any(word.arg in ("out", "inplace") for word in call.keywords):
                continue
            full = names.full(call.func)
            last = full.rpartition(".")[2]
            is_in_place = any(isinstance(one, ast.Constant) and one.value is True for one in call.args)
            is_function = full.startswith("torch.") and last in _FUNCTIONS and len(call.args) < 4 and not is_in_place
            is_method = isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS and not full
            if is_method and isinstance(call.func, ast.Attribute) and names.kind(call.func.value) != "tensor":
                is_method = call.func.attr in _OF_TENSORS_ALONE or names.is_local_of_forward(call.func.value)
            if (is_function and call.args) or is_method:
                target = (
                    call.args[0] if is_function else call.func.value if isinstance(call.func, ast.Attribute) else call
                )
                yield self.finding(
                    (source, call),
                    message="the result of this call is thrown away",
                    evidence=f"{ast.unparse(call.func)} gives a new tensor and leaves {ast.unparse(target)} as it was",
                    why="the line does nothing",
                    fix=source.replace_node(call, f"{ast.unparse(target)} = {ast.unparse(call)}"),
                )
