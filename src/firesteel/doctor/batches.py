"""The rows that each training step was made from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from firesteel.doctor.facts import Facts, LoaderPass, Made
from firesteel.doctor.sites import Site


@dataclass(frozen=True)
class Batch:
    """What one step was made from."""

    site: Site  # of the forward, or of the loss where there is no module
    key: bytes  # equal for equal rows
    n_rows: int
    made: Made | None
    loader_pass: LoaderPass | None
    at: int


def batches_of(facts: Facts) -> list[Batch]:
    """The rows of each training step; of nets of raw tensors those of the losses that were looked at."""
    closures = [(one.at, one.optimizer) for one in facts.steps if one.has_closure]
    if closures:
        return []
    found = [
        Batch(one.site, one.samples.tobytes(), one.n_rows, one.input, one.loader_pass, one.at)
        for one in facts.trained()
        if one.rows is not None and one.n_rows > 1
    ]
    if found or facts.trained():
        return _one_a_step(facts, found)
    for loss in facts.trained_losses():
        target = loss.target
        if target is None or target.value is None or not target.shape:
            continue
        if target.shape[0] > 1 and target.value.unique().numel() > 1:
            key = target.value.contiguous().view(-1).numpy().tobytes()
            found.append(Batch(loss.site, key, target.shape[0], target, None, loss.at))
    return _one_a_step(facts, found)


def _one_a_step(facts: Facts, batches: list[Batch]) -> list[Batch]:
    """The last one of each place before each update: a net may be called several times for one step."""
    updates = [one.at for one in facts.steps] or [one.at for one in facts.backwards]
    found: dict[tuple[int, Site], Batch] = {}
    calls = [one for one in facts.forwards if one.has_grad and one.rows is not None]
    n_calls = Counter(one.site for one in calls or batches)
    i = 0
    for one in batches:
        while i < len(updates) and updates[i] < one.at:
            i += 1
        found[(i, one.site)] = one
    n_steps = Counter(site for _, site in found)
    # Several calls for one step: the loop around them is one over time or over parts, and no loop over batches.
    return [one for one in found.values() if n_calls[one.site] < 1.5 * n_steps[one.site]]


def follows(facts: Facts, one: Batch, other: Batch) -> bool:
    """The one step behind the other."""
    return sum(one.at < step.at < other.at for step in facts.steps) == 1
