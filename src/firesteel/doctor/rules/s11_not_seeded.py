"""S11: no seed, or only some sources of chance seeded."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: What seeds each source of chance.
_SEEDS = {"torch": "torch.manual_seed(0)", "numpy": "np.random.seed(0)", "random": "random.seed(0)"}
_NAMES = {"torch": "PyTorch", "numpy": "NumPy", "random": "Python"}


class NotSeeded(Rule):
    id: ClassVar[str] = "S11"
    title: ClassVar[str] = "no or partial seed"
    level: ClassVar[Level] = "N"
    what: ClassVar[str] = (
        "PyTorch, NumPy and Python each draw from a generator of their own. One that is drawn from without a seed "
        "gives other numbers in every run: results cannot be repeated, and two variants cannot be told from two "
        "draws."
    )
    detected: ClassVar[str] = (
        "The states of the three global generators before and after the run, and the calls that seed them."
    )
    silent: ClassVar[str] = "Generators of the script's own with a seed, and sources that nothing was drawn from."
    sick: ClassVar[str] = """
import numpy as np
import torch

torch.manual_seed(0)
order = np.random.permutation(20)
net = torch.nn.Linear(2, 1)
"""
    healthy: ClassVar[str] = sick.replace("order =", "np.random.seed(0)\norder =")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        sources = [case.sources[path] for path in facts.files()]
        used = {one for one in facts.used_random if one != "random" or any(_imports_random(one) for one in sources)}
        if not used or not sources:
            raise NotApplicable("nothing was drawn from a global generator")
        missing = [one for one in _SEEDS if one in used and one not in facts.seeds]
        if not missing:
            return
        names = " and ".join(_NAMES[one] for one in missing)
        seeded = ", ".join(_NAMES[one] for one in _SEEDS if one in facts.seeds) or "none"
        source, number = _place(sources, missing)
        yield self.finding(
            (source, number),
            message=f"{names}'s generator is drawn from without a seed",
            evidence=f"drawn from: {', '.join(_NAMES[one] for one in _SEEDS if one in used)}; seeded: {seeded}",
            why="no two runs are alike, so a change cannot be told from chance",
            fix=source.insert_before(number, *(_SEEDS[one] for one in missing)),
        )


def _imports_random(source: Source) -> bool:
    plain = any(alias.name == "random" for node in source.nodes(ast.Import) for alias in node.names)
    return plain or any(node.module == "random" for node in source.nodes(ast.ImportFrom))


def _place(sources: list[Source], missing: list[str]) -> tuple[Source, int]:
    """The line of a seed that is there, else the first line that may draw, else the first behind the imports."""
    for source in sources:
        for call in source.nodes(ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "manual_seed":
                return source, call.lineno
    for source in sources:
        for call in source.nodes(ast.Call):
            text = ast.unparse(call.func)
            if ("numpy" in missing and ".random." in text) or ("torch" in missing and "rand" in text):
                return source, call.lineno
    body = sources[0].tree.body
    first = next((one for one in body if not isinstance(one, ast.Import | ast.ImportFrom | ast.Expr)), None)
    return sources[0], first.lineno if first is not None else 1
