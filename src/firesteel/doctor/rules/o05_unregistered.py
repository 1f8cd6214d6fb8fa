"""O05: unregistered module or tensor."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from firesteel.doctor.facts import Facts, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source
from firesteel.doctor.updates import is_registered, is_used_inside, left_alone


class Unregistered(Rule):
    id: ClassVar[str] = "O05"
    title: ClassVar[str] = "unregistered module or tensor"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A module finds its parameters in attributes that are modules or nn.Parameter. Layers in a plain list or dict, "
        "tensors with requires_grad, and layers made inside forward() are not found: parameters() leaves them out, "
        "no optimizer changes them, and they are not saved."
    )
    detected: ClassVar[str] = (
        "A loss reaches a parameter that was used inside a module's forward, but that parameters() of no module that "
        "was called holds; no optimizer has it, and nothing else changed it."
    )
    silent: ClassVar[str] = (
        "Inputs that need gradients, frozen tensors, and unregistered parameters that were given to an optimizer by "
        "name or are changed by hand."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(4, 16), nn.Linear(16, 16)]
        self.last = nn.Linear(16, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.last(x)

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.prod(1, keepdim=True)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("= [nn.Linear(4, 16), nn.Linear(16, 16)]",
                                          "= nn.ModuleList([nn.Linear(4, 16), nn.Linear(16, 16)])")  # fmt: skip

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not facts.trained():
            raise NotApplicable("no module with parameters was trained")
        left = [one for one in left_alone(facts) if not is_registered(facts, one)]
        found = [one for one in left if one.is_made_inside or is_used_inside(facts, one)]
        groups: dict[Any, list[Param]] = {}
        for one in found:
            groups.setdefault((one.is_made_inside, one.site.code if one.site is not None else None), []).append(one)
        for (is_made_inside, _), params in groups.items():
            describe = self._made_anew if is_made_inside else self._describe
            yield from describe(case, params)

    def _describe(self, case: Case, params: list[Param]) -> Iterator[Finding]:
        params = [one for one in params if one.n_backwards >= 2]
        sites = [one.site for one in params if one.site is not None]
        if not sites:
            return
        site = _outermost(case.facts, params) or min(sites, key=lambda one: one.line)
        source = case.sources.of(site)
        line = _line_to_change(source, site.line)
        n, n_numbers = len(params), sum(_numel(one) for one in params)
        is_layer = not any(made.line == site.line and _is_tensor(one) for one, made in zip(params, sites, strict=False))
        yield self.finding(
            site if line == site.line else (source, line),
            message=f"{n} parameter{'s' if n > 1 else ''} of the net {'are' if n > 1 else 'is'} not registered: "
            "parameters() leaves " + ("them" if n > 1 else "it") + " out",
            evidence=f"{n_numbers:,} weights got gradients in {max(one.n_backwards for one in params)} backwards, "
            f"used in forward; no optimizer has them, and parameters() of the net does not hold them",
            why="they keep their random values, and are neither saved nor moved with the net",
            fix=_fix(source, line, is_layer=is_layer),
        )

    def _made_anew(self, case: Case, params: list[Param]) -> Iterator[Finding]:
        sites = [one.site for one in params if one.site is not None]
        n_times = _times(case.facts, params)
        if not sites or n_times < 2:
            return
        site = min(sites, key=lambda one: one.line)
        source = case.sources.of(site)
        yield self.finding(
            site,
            message="a layer is made inside forward(): each call draws new random weights",
            evidence=f"in {n_times} backwards that were looked at, the loss reached weights that had been made in that "
            "very call and were never seen again",
            why="these weights never learn, and the output is different each time",
            fix=f"{site.line:>4}   {source.line(site.line)}\n     make it once, in __init__, as an attribute of self",
        )


def _outermost(facts: Facts, params: list[Param]) -> Site | None:
    """The line that made the module of the user's own that holds these, the outermost; None if none is alive."""
    wanted = {id(tensor) for one in params if (tensor := one.ref()) is not None}
    for record in facts.modules:  # outer ones begin to be made before inner ones
        module = record.ref()
        is_own = module is not None and record.has_users_forward and record.site is not None and record.site.is_users
        if is_own and module is not None and any(id(one) in wanted for one in module.parameters()):
            return record.site
    return None


def _times(facts: Facts, params: list[Param]) -> int:
    """In how many backwards some of these were reached."""
    ids = {id(one) for one in params if one.n_backwards <= 1}
    return sum(bool(one.reached & ids) for one in facts.backwards)


def _numel(param: Param) -> int:
    n = 1
    for size in param.shape:
        n *= size
    return n


def _is_tensor(param: Param) -> bool:
    return not param.is_parameter


def _line_to_change(source: Source, line: int) -> int:
    """The start of the list that holds the layer; where it is appended to a list, the line that makes the list."""
    statement = source.statement_at(line)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        if not isinstance(target, ast.Subscript):
            return statement.lineno
        grown = source.text_of(target.value)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        if not isinstance(called, ast.Attribute) or called.attr not in ("append", "extend", "insert", "update"):
            return line
        grown = source.text_of(called.value)
    else:
        return line
    function = source.function_around(line)
    for node in ast.walk(function if function is not None else source.tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno < line:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(source.text_of(one) == grown for one in targets):
                return node.lineno
    return line


def _fix(source: Source, line: int, *, is_layer: bool) -> str:
    statement = source.statement_at(line)
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.List | ast.ListComp | ast.Tuple) and is_layer:
        kind = "nn.ModuleList"
        return source.replace_node(value, f"{kind}({source.text_of(value) if ast.unparse(value) != '[]' else ''})")
    if isinstance(value, ast.Dict | ast.DictComp) and is_layer:
        return source.replace_node(value, f"nn.ModuleDict({source.text_of(value)})")
    return (
        f"{line:>4}   {source.line(line)}\n     make it an nn.Parameter (or nn.ModuleList, nn.ParameterList, ...) that "
        "is an attribute of the module"
    )
