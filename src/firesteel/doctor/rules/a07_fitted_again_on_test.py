"""A07: a scaler fitted again on other rows."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source


class FittedAgain(Rule):
    id: ClassVar[str] = "A07"
    title: ClassVar[str] = "fit_transform on the test rows"
    level: ClassVar[Level] = "E"
    is_static: ClassVar[bool] = True
    what: ClassVar[str] = (
        "fit_transform learns means and spreads and applies them. Called again for the test rows it learns "
        "theirs: the same number means one thing in training and another in the test."
    )
    detected: ClassVar[str] = (
        "A fit_transform (or fit) of what train_test_split gave as the second part, or of the rest of an array whose "
        "beginning another fit was made on."
    )
    silent: ClassVar[str] = (
        "transform for the test rows, whatever the names are; one fit alone; nets with a fit of their own."
    )
    sick: ClassVar[str] = """
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

X = np.random.default_rng(0).normal(size=(40, 3))
a, b = train_test_split(X, random_state=0)
scaler = StandardScaler()
a = scaler.fit_transform(a)
b = scaler.fit_transform(b)
"""
    healthy: ClassVar[str] = sick.replace("b = scaler.fit_transform(b)", "b = scaler.transform(b)")

    def judge(self, case: Case) -> Iterable[Finding]:
        files = case.facts.files()
        if not files:
            raise NotApplicable("no source was seen")
        for path in files:
            yield from self._look(case.sources[path])

    def _look(self, source: Source) -> Iterable[Finding]:
        trained, tested = _parts(source)
        fits = [
            call
            for call in source.nodes(ast.Call)
            if isinstance(call.func, ast.Attribute) and call.func.attr in ("fit_transform", "fit") and call.args
        ]
        firsts = [one for one in fits if ast.unparse(one.args[0]) in trained]
        for call in fits:
            if not isinstance(call.func, ast.Attribute) or ast.unparse(call.args[0]) not in tested:
                continue
            is_alike = any(
                isinstance(one.func, ast.Attribute) and one.func.attr in ("fit_transform", "fit") for one in firsts
            )
            if is_alike and len(call.args) == 1:
                yield self.finding(
                    (source, call),
                    message="the rows that test are fitted on again",
                    evidence=f"{ast.unparse(call.args[0])} is the held-out part; the training part was fitted on line "
                    f"{firsts[0].lineno}",
                    why="the same number means one thing in training and another in the test",
                    fix=source.replace_node(call.func, f"{ast.unparse(call.func.value)}.transform"),
                )


def _parts(source: Source) -> tuple[set[str], set[str]]:
    """Names of training parts and of held-out parts: by their places behind train_test_split, or by slices."""
    trained: set[str] = set()
    tested: set[str] = set()
    for node in source.nodes(ast.Assign):
        target, value = node.targets[0], node.value
        if isinstance(value, ast.Call) and isinstance(target, ast.Tuple):
            called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
            if called == "train_test_split":
                for place, part in enumerate(target.elts):
                    (tested if place % 2 else trained).add(ast.unparse(part))
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=False))
        for name, part in pairs:
            if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice):
                if part.slice.lower is None and part.slice.upper is not None:
                    trained.add(ast.unparse(name))
                elif part.slice.lower is not None and part.slice.upper is None:
                    tested.add(ast.unparse(name))
    return trained, tested - trained
