"""A07: a scaler fitted again on other rows."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.fitted_on import fitted_on_held_out
from firesteel.doctor.refits import fits_of, refits
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.scaled_sides import is_scaled_apart
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
        "A fit_transform (or fit) of held-out rows beside one of the same kind of object on training rows. Which are "
        "which is followed through names, calls and returns to where they were dealt: the places behind "
        "train_test_split or a fold, the beginning and the rest of an array or of an order of rows, a mask or some "
        "rows and all others. Where it cannot be read, the rows of each fit are followed into the net, or the columns "
        "that went into it show it: each part is scaled exactly by itself."
    )
    silent: ClassVar[str] = (
        "transform for the test rows, whatever the names are; one fit alone; nets with a fit of their own; what learns "
        "nothing from rows or can only be fitted (Normalizer, TSNE); shifts by a few rows (x[:-1] and x[1:])."
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

        found = [one for path in files for one in self._look(case.sources[path])]
        found = found or list(self._followed(case))
        yield from found
        if not found and is_scaled_apart(case.facts):
            yield from self._seen(case)

    def _seen(self, case: Case) -> Iterable[Finding]:
        """Where nobody can read which rows are which, but the run has shown that each part has a fit of its own."""
        for path in case.facts.files():
            source = case.sources[path]
            fits = fits_of(source)
            said = f"fitted on line {fits[0].lineno} and again here" if len(fits) > 1 else "fitted here in each call"
            if len(fits) > 1 or (fits and source.function_around(fits[0].lineno) is not None):
                yield self._describe(
                    source,
                    fits[-1],
                    f"{said}; both parts have mean 0 and spread 1, or bounds 0 and 1, each by itself",
                )

    def _followed(self, case: Case) -> Iterable[Finding]:
        """The run has shown it: a fit on rows that were only evaluated, beside one on those that were trained on."""
        proof = fitted_on_held_out(case.facts)
        if proof is None or not proof.is_own:
            return
        source = case.sources.of(proof.fit.site)
        call = source.node_at(proof.fit.site)
        if isinstance(call, ast.Call):
            said = f"the {proof.n_held_out:,} rows of this fit were held out; those of training had one of their own"
            yield self._describe(source, call, said)

    def _look(self, source: Source) -> Iterable[Finding]:
        for one in refits(source):
            rows = ast.unparse(one.call.args[0])
            said = f"the training part was fitted on line {one.first.lineno}"
            if one.first is one.call:
                said = "this line is called for the training part and for the held-out part"
            yield self._describe(source, one.call, f"{rows} is the held-out part; {said}")

    def _describe(self, source: Source, call: ast.Call, evidence: str) -> Finding:
        fitted = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        return self.finding(
            (source, call),
            message="the rows that test are fitted on again",
            evidence=evidence,
            why="the same number means one thing in training and another in the test",
            fix=source.replace_node(call.func, f"{ast.unparse(fitted)}.transform"),
        )
