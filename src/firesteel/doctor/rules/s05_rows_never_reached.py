"""S05: rows that are never reached."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import ClassVar

import numpy as np
import torch

from firesteel.doctor.datasets import reach_of
from firesteel.doctor.facts import Facts, Forward, Holds, Loader, LoaderPass, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.modules import FIRST_ROWS
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source
from firesteel.doctor.walks import (
    Stretch,
    chain,
    ends_of,
    is_changed_on_its_way,
    is_cut,
    lead_of_targets,
    may_be_of_a_view,
    place_of_rows,
    stretches,
    takes_all_it_counts,
    walked,
)  # fmt: skip

#: A loader that was left early in every one of so many passes, with so many of its rows never asked for.
LEAST_PASSES, LEAST_SHARE = 2, 0.02
#: Fingerprints are taken of the first calls: each row must have come so often on average.
ROUNDS = 1.5
#: More blocks than these between trained rows are no parts that are kept for another time.
MOST_BLOCKS = 2
#: An array may hold rows that were split off by a slice: where no more than so many batches are missed at an end.
BATCHES_MISSED = 2


class RowsNeverReached(Rule):
    id: ClassVar[str] = "S05"
    title: ClassVar[str] = "rows never reached"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A slice that ends one too early, a range that stops before the last batch, or a loop over the first ten "
        "batches leaves rows out, in every epoch the same. They were collected for nothing, and no error says so."
    )
    detected: ClassVar[str] = (
        "The rows that a loop walks through (those of the tensor that its slices are cut from, or of the index that "
        "its batches are cut from), and those of them that ever went into the net, for training or for evaluation; "
        "which rows a loader was asked for in all of its passes; how far the last item of a dataset reaches into what "
        "it holds."
    )
    silent: ClassVar[str] = (
        "A last batch that is left out (drop_last) is a note, and so is a long end of the table where nothing else was "
        "held out, or a loader that is only evaluated and left early; rows in another order each time; rows that are "
        "held out and evaluated, those beside them, and a gap before them; rows that no index holds; one batch that "
        "holds all; rows that are drawn by chance each time; rows that go in changed, or only as targets. Of a run "
        "that was stopped before its end only rows between others count."
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
            yield from self._of_cuts(case, base, forwards)
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

    def _of_cuts(self, case: Case, base: Made, forwards: list[Forward]) -> Iterable[Finding]:
        facts = case.facts
        rows = base.rows if base.value is None else fingerprints(_as_given(base.value, forwards[0]))
        if rows is None:
            yield from self._of_gaps(forwards)
            return
        if not _is_told_apart(rows) or not _is_round_over(facts, forwards[0], rows):
            return
        walk = _walk(rows, forwards)
        if walk is None:
            return
        rows, cut, is_whole = walk
        trained = _known(facts.trained())
        is_trained = np.isin(rows, trained)
        missed = ~np.isin(rows, np.concatenate([trained, _known(facts.forwards)]))
        if is_whole and missed.any():
            if is_changed_on_its_way(facts, base, missed):
                return
            last = int(np.flatnonzero(~missed)[-1]) + 1 if not missed.all() else 0
            missed[last : last + lead_of_targets(facts, base, forwards)] = False
        if not missed.any() or missed.all():
            return
        size = max(one.n_rows for one in forwards)
        source = case.sources.of(cut.site)
        judging = _Judging(
            facts, size, is_part=cut.op == "array" and may_be_of_a_view(source, cut.site),
            is_counting=takes_all_it_counts(source, cut), is_shared=not (is_trained | missed).all(),
        )  # fmt: skip
        yield from self._tell(case, cut, judging.levels(stretches(missed, is_trained)), len(rows), size)

    def _tell(self, case: Case, cut: Made, found: list[tuple[Stretch, Level]], n: int, size: int) -> Iterable[Finding]:
        if not found:
            return
        worst: Level = "E" if any(level == "E" for _, level in found) else "N"
        n_missed = sum(one.n for one, _ in found)
        is_remainder = len(found) == 1 and not found[0][0].behind and n_missed < size
        source = case.sources.of(cut.site)
        loops = source.loops_around(cut.site.line)
        place = (source, loops[0].lineno) if len(found) == 1 and loops else place_of_rows(source, cut.site)
        said = "" if len(found) == 1 else f", and they lie between others ({len(found)} gaps)"
        yield self.finding(
            place,
            level=worst,
            message="the last rows never make a batch" if is_remainder else "some rows are never reached",
            evidence=f"{n_missed:,} of {n:,} rows never went into the net; the first of them is row "
            f"{found[0][0].start}{said}",
            why="they were collected for nothing, in every epoch the same"
            if worst == "E" or is_remainder
            else "if they are not kept for another time, they were collected for nothing",
            fix="     let the range begin at 0 and go to the end, and each slice from i to i + batch_size",
        )

    def _of_gaps(self, forwards: list[Forward]) -> Iterable[Finding]:
        """Where the tensor was too large to be kept: slices that are shorter than the steps between their starts."""
        cuts = [one for forward in forwards for one in chain(forward.input) if one.op == "getitem"]
        slices = [(one, ends_of(one)) for one in cuts]
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
        passes = loader.passes[:-1] if case.facts.stopped else loader.passes  # the last one was cut off
        asked = {row for one in passes for row in one.indices}
        if any(one.is_complete for one in passes) or not asked or loader.n_workers:
            return
        sizes = {one.n_batches for one in passes[:-1]}
        if len(passes) < LEAST_PASSES or len(sizes) > 1 or passes[-1].n_batches > max(sizes):  # left when it was enough
            return
        missed = n - len(asked)
        if missed < max(1, LEAST_SHARE * n) or max(len(one.indices) for one in passes) >= n or max(asked) >= n:
            return
        site = passes[-1].site
        source = case.sources.of(site)
        leaving = _leaving(source, site.line)
        is_a_look = _is_only_evaluated(case.facts, passes)
        yield self.finding(
            (source, leaving.test) if leaving is not None else site,
            level="N" if is_a_look else "E",
            message="the loader is left before its end in every pass, at the same rows",
            evidence=f"in {len(passes)} passes {len(asked):,} of {n:,} rows were asked for",
            why="the score is that of these rows alone" if is_a_look else "the other rows were collected for nothing",
            fix="     read the loader to its end, or shuffle it so that each pass has other rows",
        )


def _is_only_evaluated(facts: Facts, passes: list[LoaderPass]) -> bool:
    """No call between the batches of these passes is one of training; of a single batch the first call counts."""
    roles = set()
    for one in passes:
        calls = [forward for forward in facts.forwards if forward.loader_pass is one]
        roles |= {forward.role for forward in calls if forward.at < one.last_at} or {call.role for call in calls[:1]}
    return roles == {"evaluation"}


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


def _is_told_apart(rows: np.ndarray) -> bool:
    return len(np.unique(rows)) >= 0.9 * len(rows)


def _known(forwards: list[Forward]) -> np.ndarray:
    """The fingerprints of all rows that these calls are known to have had."""
    found = [one.rows for one in forwards if one.rows is not None]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _is_round_over(facts: Facts, first: Forward, rows: np.ndarray) -> bool:
    """All rows of the table that are ever reached are known by now: the same come round again, and not by chance."""
    here = [one for one in facts.trained() if one.site is first.site]
    trained = [one.rows for one in here if one.rows is not None]
    taken = np.concatenate(trained)
    if len(taken) < ROUNDS * len(np.unique(taken)) or _is_by_chance(trained):
        return False
    early = next((i for i, one in enumerate(here) if one.rows is None), len(here))
    later = _known(here[early:])
    if len(later) and not np.isin(later, _known(here[:early])).all():  # a loop that goes further later on
        return False
    unknown = {id(one.site) for one in facts.evaluated() if one.rows is None}
    also = [one for one in facts.evaluated() if id(one.site) in unknown]
    return not np.isin(rows, _known(also)).any()


def _walk(rows: np.ndarray, forwards: list[Forward]) -> tuple[np.ndarray, Made, bool] | None:
    """The rows that the loop goes through, in order; a cut of it; whether they are those of the table as it lies.

    That is the table for slices, and for an index what the index was cut from; None where it is drawn in another
    order each time, or nobody can say from what.
    """
    cuts = [one for one in (_cut_of(forward) for forward in forwards) if one is not None]
    if all(one.op == "array" or ends_of(one) is not None for one in cuts):
        return rows, cuts[0], True
    found = [walked(one) for one in cuts]
    known = [one for one in found if one is not None]
    if len(known) < len(cuts) or any(not np.array_equal(one[0], known[0][0]) for one in known):
        return None
    numbers, cut = known[0]
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= len(rows):
        return None
    return rows[numbers], cut, False


@dataclass(frozen=True)
class _Judging:
    """How sure it is that rows of a walk were forgotten, and not left out on purpose."""

    facts: Facts
    size: int  # of a batch
    is_part: bool  # the walk may be a part of the table: NumPy's views do not say of which view they are one
    is_counting: bool  # the loop counts on: it goes over no list of chosen parts
    is_shared: bool  # held-out rows lie in the walk, too

    def levels(self, found: list[Stretch]) -> list[tuple[Stretch, Level]]:
        inner = [one for one in found if one.before == one.behind == "trained"]
        is_regular = len(inner) > MOST_BLOCKS and self.is_counting and not self.facts.stopped
        if is_regular or any(one.n < self.size for one in inner):
            return [(one, "E") for one in found if "evaluated" not in (one.before, one.behind)]
        judged = [(one, self._level(one)) for one in found]
        return [(one, level) for one, level in judged if level is not None]

    def _level(self, one: Stretch) -> Level | None:
        if "evaluated" in (one.before, one.behind):  # a gap before the held-out rows, or a third part beside them
            return None
        if self.facts.stopped:  # what is evaluated at the end may hold them
            return None
        if one.before and one.behind:
            return "E" if one.n <= self.size and self.is_counting else "N"
        if one.behind:
            return None if self.is_part else "E" if one.n <= self.size and self.is_counting else "N"
        return self._level_of_tail(one)

    def _level_of_tail(self, one: Stretch) -> Level | None:
        if one.n < self.size:
            return "N"
        is_scored = _has_held_out(self.facts)
        if self.is_part and (not is_scored or one.n > BATCHES_MISSED * self.size):
            return None
        if self.is_shared or not self.is_counting:
            return "N"
        return "E" if is_scored or one.n <= BATCHES_MISSED * self.size else "N"


def _has_held_out(facts: Facts) -> bool:
    """Rows were evaluated that were not trained on: what was held out is not what lies here."""
    return not np.isin(_known(facts.evaluated()), _known(facts.trained())).all()


def _cut_of(forward: Forward) -> Made | None:
    return next((one for one in chain(forward.input) if is_cut(one)), None)


def _cuts(facts: Facts) -> dict[int, tuple[Made, list[Forward]]]:
    """Tensors from which different batches were cut for training, with the calls that had them."""
    found: dict[int, list[tuple[Made, Forward]]] = defaultdict(list)
    for forward in facts.trained():
        cut = _cut_of(forward)
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
