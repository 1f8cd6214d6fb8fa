"""Losses that were computed of a net in training and that no backward was ever called for."""

from __future__ import annotations

from collections.abc import Collection

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.graph_cuts import within_graph
from firesteel.doctor.lineage import learned
from firesteel.doctor.sites import Site

_ARITHMETIC = {"add", "sub", "rsub", "mul", "div", "rdiv", "pow"}
#: A loss that is computed by the way, once or twice, is a look.
FEWEST = 2


def unused_losses(facts: Facts, lost: Collection[int]) -> dict[Site, tuple[Made, set[int]]]:
    """By their places, each with those of the weights that never learned, by their ids, which it has a graph to.

    Nothing if numbers that change from step to step go into the losses that are learned from: a loss may be among them
    that was made a number of.
    """
    hot = [one for one in facts.backwards if one.is_hot and one.made is not None]
    if len(hot) < FEWEST or not lost:
        return {}
    first, last, through = hot[0].at, hot[-1].at, learned(facts)
    inside = [one for one in facts.ops if one.requires_grad]
    begun = {id(parent) for one in inside for parent in one.parents}
    found: dict[Site, tuple[Made, set[int]]] = {}
    seen: dict[Site, int] = {}
    for made in inside:
        is_end = made.shape == () and made.at < last and id(made) not in begun and id(made) not in through
        if not is_end or made.dtype is None or made.op in ("detach", "parameter"):  # no dtype: several results
            continue
        behind = {id(one.param) for one in within_graph(made) if one.param is not None and id(one.param) in lost}
        seen[made.site] = seen.get(made.site, 0) + (made.at > first)
        if behind:
            found.setdefault(made.site, (made, behind))
    found = {site: one for site, one in found.items() if seen[site] >= FEWEST - 1}
    return {} if found and _have_moving_numbers(facts, through) else found


def _have_moving_numbers(facts: Facts, through: Collection[int]) -> bool:
    numbers: dict[Site, set[float]] = {}
    for made in facts.ops:
        if id(made) in through and made.op in _ARITHMETIC and made.shape == ():
            numbers.setdefault(made.site, set()).update(one for one in made.args if isinstance(one, float))
    return any(len(one) > 1 for one in numbers.values())
