"""S05: rows that are never reached."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import gcd
from typing import ClassVar

import numpy as np
import torch

from firesteel.doctor.datasets import reach_of
from firesteel.doctor.facts import Facts, Forward, Holds, Loader, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.modules import FIRST_ROWS
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source

#: A loader that was left early in every one of so many passes, with so many of its rows never asked for.
LEAST_PASSES, LEAST_SHARE = 2, 0.02
#: Fingerprints are taken of the first calls: each row must have come so often on average.
ROUNDS = 1.5
#: An array may hold rows that were split off by a slice: where no more than so many batches are missed at an end.
BATCHES_MISSED = 2
_OF_ARRAYS = frozenset({"array", "as_tensor", "from_numpy", "tensor"})


class RowsNeverReached(Rule):
    id: ClassVar[str] = "S05"
    title: ClassVar[str] = "rows never reached"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A slice that ends one too early, a range that stops before the last batch, or a loop over the first ten "
        "batches leaves rows out, in every epoch the same. They were collected for nothing, and no error says so."
    )
    detected: ClassVar[str] = (
        "The rows of the tensor that batches are cut from, and those that ever went into the net, for training or "
        "for evaluation; and which rows a loader was asked for in all of its passes; how far the last "
        "item of a dataset reaches into what it holds."
    )
    silent: ClassVar[str] = (
        "A last batch that is left out (drop_last) is a note; rows in another order each time; rows that are held "
        "out and evaluated; one batch that holds all; rows that are "
        "drawn by chance each time."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(96, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(5):
    for i in range(0, 96, 16):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x[i : i + 15]), y[i : i + 15]).backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("i + 15", "i + 16")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        cuts = _cuts(facts)
        loaders = [one for one in facts.loaders if len(one.passes) >= LEAST_PASSES and one.n_rows]
        held = _held(facts)
        if not cuts and not loaders and not held:
            raise NotApplicable("no batches were cut from a tensor that was kept, and no loader was read twice")
        for base, forwards in cuts.values():
            yield from self._of_slices(case, base, forwards)
        for loader in loaders:
            if "Random" not in loader.sampler:
                yield from self._of_loader(case, loader)
        for holds in held:
            yield from self._of_dataset(case.sources[holds.path], holds)

    def _of_dataset(self, source: Source, holds: Holds) -> Iterable[Finding]:
        reach = reach_of(source, holds)
        if reach is None:
            return
        missed = reach.n - reach.last
        if reach.width > 1 and missed < max(reach.width, LEAST_SHARE * reach.n):  # a window more or less
            return
        yield self.finding(
            (source, reach.place),
            message="the dataset says that it is shorter than what it holds",
            evidence=f"its length is {holds.n_rows:,}, so that its last item ends at row {reach.last:,} of "
            f"{reach.n:,} in '{reach.name}': {missed:,} rows never go into the net",
            why="they were collected for nothing, in every epoch the same",
            fix="     return the number of items that there are: len(x), or len(x) - window + 1 for windows",
        )

    def _of_slices(self, case: Case, base: Made, forwards: list[Forward]) -> Iterable[Finding]:
        rows = base.rows if base.value is None else fingerprints(_as_given(base.value, forwards[0]))
        if rows is None:
            yield from self._of_gaps(forwards)
            return
        trained = [one for one in case.facts.trained() if one.rows is not None and one.site is forwards[0].site]
        taken = [row for one in trained for row in one.rows.tolist()]
        if len(taken) < ROUNDS * len(set(taken)):  # not even one round is known to be over
            return
        if _is_by_chance([one.rows for one in trained]):
            return
        reached = {int(row) for one in case.facts.forwards if one.rows is not None for row in one.rows}
        if len(set(rows.tolist())) < 0.9 * len(rows):
            return
        missed = np.array([int(row) not in reached for row in rows])
        n, n_missed = len(rows), int(missed.sum())
        size = max(one.n_rows for one in forwards)
        cut = next(one for one in _chain(forwards[0].input) if _is_cut(one))
        if not n_missed or n_missed == n:
            return
        first = int(np.argmax(missed))
        is_tail = bool(missed[first:].all())
        is_remainder = is_tail and n_missed < size
        is_one_stretch = int(np.sum(missed[1:] != missed[:-1])) <= 1 + bool(missed[0])  # the range of the loop is wrong
        if cut.op == "array" and is_one_stretch and n_missed > BATCHES_MISSED * size:
            return
        loops = case.sources.of(cut.site).loops_around(cut.site.line)
        source = case.sources.of(cut.site)
        yield self.finding(
            (source, loops[0].lineno) if is_one_stretch and loops else cut.site,
            level="N" if is_remainder else "E",
            message="the last rows never make a batch" if is_remainder else "some rows are never reached",
            evidence=f"{n_missed:,} of {n:,} rows never went into the net; the first of them is row {first}"
            + ("" if is_one_stretch else f", and they lie between others ({_gaps(missed)} gaps)"),
            why="they were collected for nothing, in every epoch the same",
            fix="     let the range begin at 0 and go to the end, and each slice from i to i + batch_size",
        )

    def _of_gaps(self, forwards: list[Forward]) -> Iterable[Finding]:
        """Where the tensor was too large to be kept: slices that are shorter than the steps between their starts."""
        cuts = [one for forward in forwards for one in _chain(forward.input) if one.op == "getitem"]
        slices = [(one, _ends(one)) for one in cuts]
        starts = {ends[0] for _, ends in slices if ends is not None}
        lengths = {ends[1] - ends[0] for _, ends in slices if ends is not None}
        stride = gcd(*(start - min(starts) for start in starts)) if starts else 0
        if len(starts) > 2 and lengths and max(lengths) < stride:
            yield self.finding(
                cuts[0].site,
                message="some rows are never reached",
                evidence=f"slices begin every {stride} rows and are {max(lengths)} long: {stride - max(lengths)} of "
                f"every {stride} rows never went into the net",
                why="they were collected for nothing, in every epoch the same",
                fix="     let each slice go from i to i + batch_size",
            )

    def _of_loader(self, case: Case, loader: Loader) -> Iterable[Finding]:
        n = loader.n_rows or 0
        asked = {row for one in loader.passes for row in one.indices}
        n_asked_most = max(len(one.indices) for one in loader.passes)
        if any(one.is_complete for one in loader.passes) or not asked or loader.n_workers:
            return
        missed = n - len(asked)
        if missed < max(1, LEAST_SHARE * n) or n_asked_most >= n or max(asked) >= n:
            return
        site = loader.passes[-1].site
        source = case.sources.of(site)
        leaving = _leaving(source, site.line)
        yield self.finding(
            (source, leaving.test) if leaving is not None else site,
            message="the loader is left before its end in every pass, at the same rows",
            evidence=f"in {len(loader.passes)} passes {len(asked):,} of {n:,} rows were asked for",
            why="the other rows were collected for nothing",
            fix="     read the loader to its end, or shuffle it so that each pass has other rows",
        )


def _as_given(table: torch.Tensor, forward: Forward) -> torch.Tensor:
    """The table in the numbers in which its rows went into the net."""
    kind = forward.input.dtype if forward.input is not None else None
    return table.to(kind) if kind is not None and table.is_floating_point() and kind.is_floating_point else table


def _held(facts: Facts) -> list[Holds]:
    """What the datasets of a class hold; where several of one class and size differ in length, each has its part."""
    found: dict[tuple[str, str], list[Holds]] = defaultdict(list)
    for one in facts.loaders:
        if one.passes and one.holds:
            found[one.holds.path, one.holds.kind].append(one.holds)
    return [
        of_class[-1]
        for of_class in found.values()
        if not any(one.lengths == of_class[-1].lengths and one.n_rows != of_class[-1].n_rows for one in of_class)
    ]


def _is_by_chance(batches: list[np.ndarray]) -> bool:
    """Some rows come far more often than others: they are drawn anew each time, and some are not drawn yet.

    Not where the same batches come round again: what has not come then never comes.
    """
    batches = batches[:FIRST_ROWS]  # of later calls only some are known
    first = batches[0].tobytes()
    period = next((i for i, one in enumerate(batches) if i and one.tobytes() == first), 0)
    if period and len(batches) >= ROUNDS * period:
        pairs = zip(batches, batches[period:], strict=False)
        if all(one.tobytes() == other.tobytes() for one, other in pairs):
            return False
    counts = Counter(row for one in batches for row in one.tolist()).values()
    return max(counts) > 2 * min(counts) + 1


def _leaving(source: Source, number: int) -> ast.If | None:
    """The condition under which the loop over a loader that begins on a line is left."""
    for loop in source.nodes(ast.For):
        if loop.lineno <= number <= (loop.iter.end_lineno or loop.lineno):
            ways = [one for one in ast.walk(loop) if isinstance(one, ast.If)]
            return next((one for one in ways if any(isinstance(part, ast.Break) for part in one.body)), None)
    return None


def _chain(made: Made | None) -> Iterable[Made]:
    """Back through views and casts, cuts included."""
    while made is not None:
        yield made
        made = made.parents[0] if made.op in SAME_NUMBERS | _OF_ARRAYS and made.parents else None


def _is_cut(made: Made) -> bool:
    """Rows taken out of a tensor, or a stretch of the rows of an array."""
    return made.op == "getitem" or (made.op == "array" and bool(made.parents))


def _ends(cut: Made) -> tuple[int, int] | None:
    key = cut.args[1] if len(cut.args) > 1 else None
    key = key[0] if isinstance(key, tuple) and key else key
    if isinstance(key, slice) and isinstance(key.start, int) and isinstance(key.stop, int) and key.step in (None, 1):
        return key.start, key.stop
    return None


def _cuts(facts: Facts) -> dict[int, tuple[Made, list[Forward]]]:
    """Tensors from which different batches were cut for training, with the calls that had them."""
    found: dict[int, list[tuple[Made, Forward]]] = defaultdict(list)
    for forward in facts.trained():
        cut = next((one for one in _chain(forward.input) if _is_cut(one)), None)
        if cut is not None and cut.parents and forward.rows is not None and cut.shape[:1] == (forward.n_rows,):
            table = cut.parents[0]
            while table.op == "numpy" and table.parents:
                table = table.parents[0]
            found[id(table)].append((table, forward))
    return {
        key: (pairs[0][0], [forward for _, forward in pairs])
        for key, pairs in found.items()
        if len({forward.rows.tobytes() for _, forward in pairs}) > 1 and pairs[0][0].shape[0] > pairs[0][1].n_rows
    }


def _gaps(missed: np.ndarray) -> int:
    return int(np.sum(missed[1:] & ~missed[:-1])) + int(missed[0])
