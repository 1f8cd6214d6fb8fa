"""S11: no seed, or only some sources of chance seeded."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.reexecuting import RANDOM
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: What seeds each source of chance.
_SEEDS = {"torch": "torch.manual_seed(0)", "numpy": "np.random.seed(0)", "random": "random.seed(0)"}
_NAMES = {"torch": "PyTorch", "numpy": "NumPy", "random": "Python"}
#: Layers of PyTorch that draw their first weights.
_WITH_WEIGHTS = frozenset({
    "Bilinear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "Embedding", "EmbeddingBag", "GRU",
    "GRUCell", "LSTM", "LSTMCell", "Linear", "MultiheadAttention", "RNN", "RNNCell", "Transformer",
    "TransformerDecoderLayer", "TransformerEncoderLayer",
})  # fmt: skip
_OWN_GENERATORS = ("default_rng", "RandomState", "Generator", "SeedSequence", "PCG64")


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
        names = " and ".join(f"{_NAMES[one]}'s" for one in missing)
        are = "generators are" if len(missing) > 1 else "generator is"
        seeded = ", ".join(_NAMES[one] for one in _SEEDS if one in facts.seeds) or "none"
        source, number = _place(facts, sources, missing)
        yield self.finding(
            (source, number),
            message=f"{names} {are} drawn from without a seed",
            evidence=f"drawn from: {', '.join(_NAMES[one] for one in _SEEDS if one in used)}; seeded: {seeded}",
            why="no two runs are alike, so a change cannot be told from chance",
            fix=source.insert_before(_insertion(source, number), *(_SEEDS[one] for one in missing)),
        )


def _imports_random(source: Source) -> bool:
    plain = any(alias.name == "random" for node in source.nodes(ast.Import) for alias in node.names)
    return plain or any(node.module == "random" for node in source.nodes(ast.ImportFrom))


def _place(facts: Facts, sources: list[Source], missing: list[str]) -> tuple[Source, int]:
    """Of the seeds that are there the last one of the first place that sets any; else where first something is drawn.

    Else the first line behind the imports.
    """
    for source in sources:
        seeding = [call for call in source.nodes(ast.Call) if _is_seeding(call)]
        if seeding:
            around = source.function_around(seeding[0].lineno)
            last = [call for call in seeding if source.function_around(call.lineno) is around][-1]
            return source, last.lineno
    drawn = _first_drawn(facts, sources, missing)
    if drawn is not None:
        return drawn
    return sources[0], _first_line(sources[0])


def _insertion(source: Source, number: int) -> int:
    """Above the statement on a line; of a class or a function above all of the script's own statements."""
    statement = source.statement_at(number)
    if statement is None or _is_seeding_line(statement):
        return number
    outer = [statement, *source.parents(statement)]
    if any(isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) for one in outer):
        return _first_line(source)
    return statement.lineno


def _is_seeding_line(statement: ast.stmt) -> bool:
    return any(_is_seeding(call) for call in ast.walk(statement) if isinstance(call, ast.Call))


def _first_line(source: Source) -> int:
    """The first statement behind the imports."""
    body = source.tree.body
    first = next((one for one in body if not isinstance(one, ast.Import | ast.ImportFrom | ast.Expr)), None)
    return first.lineno if first is not None else 1


def _is_seeding(call: ast.Call) -> bool:
    """`torch.manual_seed(0)`, `np.random.seed(0)`, `random.seed(0)`: of a global generator, not of one's own."""
    text = ast.unparse(call.func)
    return bool(call.args or call.keywords) and text in (
        "torch.manual_seed", "torch.random.manual_seed", "manual_seed", "np.random.seed", "numpy.random.seed",
        "random.seed",
    )  # fmt: skip


def _first_drawn(facts: Facts, sources: list[Source], missing: list[str]) -> tuple[Source, int] | None:
    """Where a source of chance that has no seed is drawn from first: layers, loaders and operations as they ran."""
    if "torch" in missing:
        paths = {source.path: source for source in sources}
        drawing = [(one.created_at, one.site) for one in facts.modules if one.kind in _WITH_WEIGHTS]
        drawing += [(one.at, one.site) for one in facts.loaders if "Random" in one.sampler]
        drawing += [(one.at, one.site) for one in facts.ops if one.op in RANDOM and "generator" not in one.kwargs]
        ran = [(at, site) for at, site in drawing if site is not None and site.path in paths]
        if ran:
            site = min(ran, key=lambda one: one[0])[1]
            return paths[site.path], site.line
    for source in sources:
        for call in source.nodes(ast.Call):
            text = ast.unparse(call.func)
            is_numpy = ".random." in text and text.rsplit(".", 1)[-1] not in _OWN_GENERATORS
            if ("numpy" in missing and is_numpy) or ("random" in missing and text.startswith("random.")):
                return source, call.lineno
    return None
