"""S06: inputs and targets are of different rows."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

import torch

from firesteel.doctor.facts import Facts, Loss, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.orders import Orders
from firesteel.doctor.row_orders import CUT, Order, Token, differing, is_needless
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source

#: Operations row by row: the first axis keeps its rows.
_ROW_WISE = frozenset(
    {"sub", "div", "mul", "add", "rsub", "to", "float", "long", "double", "type", "clone", "detach", "contiguous",
     "unsqueeze", "squeeze", "view", "reshape", "flatten", "log", "log1p", "sqrt", "pow", "normalize", "clamp", "cpu",
     "permute", "get_data", "int", "half", "bfloat16", "one_hot", "nan_to_num"}
)  # fmt: skip


class Misaligned(Rule):
    id: ClassVar[str] = "S06"
    title: ClassVar[str] = "inputs and targets misaligned"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Where x is shuffled and y is not, or both by orders of their own, each row is taught the answer of "
        "another. The net learns nothing but the mean, and no error says why."
    )
    detected: ClassVar[str] = (
        "The indices by which the rows of a batch were taken from the data, for the inputs and for the targets: "
        "row by row they come from different places. For arrays, the orders of chance (shuffle, permutation, sample, "
        "an index that is drawn) that stand between where they come from and where they become tensors; and slices as "
        "long as what was left of the other side, where rows were dropped by what is in them."
    )
    silent: ClassVar[str] = (
        "One order for both; targets that are made of the inputs; draws that a "
        "seed makes equal; arrays whose way is not understood."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(96, 3)
y = torch.randn(96, 1)
x = x[torch.randperm(96)]
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for i in range(0, 96, 16):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[i : i + 16]), y[i : i + 16]).backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(
        "x = x[torch.randperm(96)]", "order = torch.randperm(96)\nx, y = x[order], y[order]"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        pairs = _pairs(facts)
        arrays = list(_made_of_arrays(case))
        loads = any(one.loader_pass is not None for one in facts.trained())
        if not pairs and not arrays and not loads:
            raise NotApplicable("the order of inputs and targets was not seen for both")
        for loss, x, y, index_x, index_y in pairs:
            n_rows = index_x[1].shape[0]
            if len(index_x[0]) != len(index_y[0]) or n_rows != index_y[1].shape[0] or x is y:
                continue
            if index_x[1] is index_y[1] and all(_is_cut(one) for one in (*index_x[2], *index_y[2])):
                continue  # the next element of a sequence is its target
            wrong = int((index_x[0] != index_y[0]).sum())
            if wrong < 0.5 * len(index_x[0]):
                continue
            place = _where(loss, index_x[2], index_y[2])
            yield self.finding(
                place.site,
                message="the rows of inputs and targets are not the same",
                evidence=f"{wrong} of {len(index_x[0])} rows of a batch have the target of another: "
                f"the first input is row "
                f"{int(index_x[0][0])} of {n_rows}, its target row {int(index_y[0][0])}",
                why="each row is taught the answer of another",
                fix="     draw one order and take both by it: x, y = x[order], y[order]",
            )
            return
        for source, orders, node_x, node_y in arrays:
            for token in _apart(orders, node_x, node_y):
                if token[0] == CUT:
                    yield from self._describe_cut(case, source, orders.places[token])
                else:
                    yield self._describe(source, orders.places[token], node_x, node_y)
                return
        for source, token, token_place, bundle in _bundled(case):
            if token[0] == CUT:
                yield from self._describe_cut(case, source, token_place)
            else:
                yield self._describe(source, token_place, bundle, bundle)
            return

    def _describe_cut(self, case: Case, source: Source, cut: ast.AST) -> Iterable[Finding]:
        if is_needless(case.facts, cut):
            return
        yield self.finding(
            (source, cut),
            level="W",  # read from the source, not seen row by row
            message="the rows of inputs and targets are not the same",
            evidence=f"`{source.text_of(cut)}` takes the first rows of a table, as many as were left of it where some "
            "were dropped by what is in them: from the first dropped row on, each row has the target of another",
            why="each row is taught the answer of another",
            fix="     drop the rows of both by one mask: x, y = x[keep], y[keep]",
        )

    def _describe(self, source: Source, drawn: ast.AST, x: ast.AST, y: ast.AST) -> Finding:
        text = source.line(getattr(drawn, "lineno", 0)).strip()
        lines = [getattr(one, "lineno", 0) for one in (x, y)]
        return self.finding(
            (source, drawn),
            level="W",  # read from the source, not seen row by row
            message="the rows of inputs and targets are not the same",
            evidence=f"inputs (line {lines[0]}) and targets (line {lines[1]}) of a loss come from arrays of which "
            f"only one was put in the order that `{text}` draws",
            why="each row is taught the answer of another",
            fix="     draw one order and take both by it: x, y = x[order], y[order]",
        )


def _made_of_arrays(case: Case) -> Iterator[tuple[Source, Orders, ast.AST, ast.AST]]:
    """The calls that made tensors of arrays for the inputs and for the targets of a loss that was trained on."""
    read: dict[str, Orders] = {}
    seen: set[tuple[Site, Site]] = set()
    inputs = {id(one.output): one.input for one in case.facts.trained() if one.output is not None}
    for loss in case.facts.losses:
        x = next((inputs[id(one)] for one in loss.input.walk() if id(one) in inputs), None)
        if not loss.is_trained or loss.target is None or x is None:
            continue
        site_x, site_y = _array_site(x), _array_site(loss.target)
        if site_x is None or site_y is None or site_x is site_y or (site_x, site_y) in seen:
            continue
        seen.add((site_x, site_y))
        source = case.sources.of(site_x)
        node_x, node_y = source.node_at(site_x), case.sources.of(site_y).node_at(site_y)
        if site_x.path == site_y.path and node_x is not None and node_y is not None:
            if source.path not in read:
                read[source.path] = Orders(source)
            yield source, read[source.path], node_x, node_y


def _bundled(case: Case) -> Iterator[tuple[Source, Token, ast.AST, ast.AST]]:
    """Data sets of tensors whose first two are in different orders, where a loader's batches were trained on."""
    used = {one.loader_pass.loader.site.path for one in case.facts.trained() if one.loader_pass is not None}
    for path in sorted(used):
        orders = Orders(case.sources[path])
        for node, values in orders.bundles:
            if len(values) == 2 and isinstance(values[0], Order) and isinstance(values[1], Order):
                tokens = [one for one in differing(values[0], values[1]) if one in orders.places]
                if tokens:
                    last = max(tokens, key=lambda one: getattr(orders.places[one], "lineno", 0))
                    yield case.sources[path], last, orders.places[last], node


def _array_site(made: Made) -> Site | None:
    """Where the one tensor was made of an array that all numbers of a batch come from, or first cut, if not seen."""
    known = list(made.walk())
    sites = {one.site for one in known if one.op in ("from_numpy", "tensor", "as_tensor") and one.site.is_users}
    if not sites:
        cuts = [one for one in known if one.op == "getitem" and one.site.is_users and one.parents]
        sites = {one.site for one in cuts if one.parents[0].op == "unknown"}
    return next(iter(sites)) if len(sites) == 1 else None


def _apart(orders: Orders, x: ast.AST, y: ast.AST) -> list[Token]:
    """The orders that only one side went through, in every call of the functions where both are known; last first."""
    left, right = orders.given.get(x, {}), orders.given.get(y, {})
    calls = [(left[key], right[key]) for key in left if key in right]
    if not calls and len(left) == len(right) == 1:
        calls = [(next(iter(left.values())), next(iter(right.values())))]
    for one, other in calls:
        if isinstance(one, Order) and isinstance(other, Order):
            tokens = [token for token in differing(one, other) if token in orders.places]
            if tokens:
                return sorted(tokens, key=lambda token: -getattr(orders.places[token], "lineno", 0))
    return []


_Index = tuple[torch.Tensor, Made, list[Made]]  # rows of a tensor, that tensor, and the steps that chose them


def _pairs(facts: Facts) -> list[tuple[Loss, Made, Made, _Index, _Index]]:
    """For each trained loss: the input of the net and the target, with the rows that they are of their data."""
    found = []
    for loss in facts.losses:
        if not loss.is_trained or loss.target is None:
            continue
        inputs = {id(forward.output): forward.input for forward in facts.trained() if forward.output is not None}
        x = next((inputs[id(one)] for one in loss.input.walk() if id(one) in inputs), None)
        if x is None or any(one is x for one in loss.target.walk()):
            continue
        index_x, index_y = _index(x), _index(loss.target)
        if index_x is not None and index_y is not None and (index_x[2] or index_y[2]):
            found.append((loss, x, loss.target, index_x, index_y))
    return found


def _index(made: Made) -> _Index | None:
    """The rows of the data that a batch holds."""
    steps: list[Made] = []
    one = made
    while one.parents:
        if one.op == "getitem":
            steps.append(one)
        elif one.op not in _ROW_WISE or not one.shape or one.parents[0].shape[:1] != one.shape[:1]:
            break
        one = one.parents[0]
    if not one.shape:
        return None
    rows = torch.arange(one.shape[0])
    for step in reversed(steps):
        taken = _take(rows, step)
        if taken is None:
            return None
        rows = taken
    return rows, one, steps


def _is_cut(step: Made) -> bool:
    """A slice, and no order."""
    return not any(isinstance(one, Made) for one in step.args[1:])


def _take(rows: torch.Tensor, step: Made) -> torch.Tensor | None:
    key = step.args[1] if len(step.args) > 1 else None
    if isinstance(key, tuple) and key:
        key = key[0]
    if isinstance(key, slice):
        ends = (key.start, key.stop, key.step)
        return rows[key] if all(one is None or isinstance(one, int) for one in ends) else None
    if isinstance(key, Made) and key.value is not None and len(key.shape) == 1 and not key.value.is_floating_point():
        value = key.value
        if value.dtype == torch.bool:
            return rows[value] if len(value) == len(rows) else None
        return rows[value] if not len(value) or int(value.abs().max()) <= len(rows) else None
    return None


def _where(loss: Loss, steps_x: list[Made], steps_y: list[Made]) -> Made:
    """The step that only one side has: an order drawn for it alone."""
    orders_y = {id(one.args[1]) for one in steps_y if isinstance(one.args[1], Made)}
    orders_x = {id(one.args[1]) for one in steps_x if isinstance(one.args[1], Made)}
    for steps, others in ((steps_x, orders_y), (steps_y, orders_x)):
        for one in reversed(steps):
            if isinstance(one.args[1], Made) and id(one.args[1]) not in others:
                return one
    return (steps_x or steps_y or [loss.made])[0]
