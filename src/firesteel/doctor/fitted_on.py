"""A transformer that was fitted on rows which test the net: proved by the rows it was given, and what came of them.

Rows that went into the net are followed back through each transform, to what that had been fitted on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firesteel.doctor.facts import Facts
from firesteel.doctor.fits import Fit
from firesteel.doctor.roles import taught

#: So many rows of each side, of the held-out ones this share, and of the trained ones (some may be augmented).
LEAST_ROWS, SHARE_OF_HELD_OUT, SHARE_OF_TRAINED = 10, 0.95, 0.5
#: Transforms behind each other.
DEEPEST = 4
#: Where the rows of some calls were not taken, no new ones may come in this last part of those that were.
LAST_PART = 0.25


@dataclass(frozen=True)
class Proof:
    """Of so many held-out rows, all were among those that something was fitted on."""

    fit: Fit
    is_own: bool  # it was fitted on them alone, and another one on the trained rows
    n_held_out: int
    n_fitted: int


@dataclass(frozen=True)
class _Step:
    """All that one fitted object made, and what of; `learns`: by what it was fitted on."""

    fit: Fit
    origins: dict[int, int]
    learns: bool


def fitted_on_held_out(facts: Facts) -> Proof | None:
    """The first such fit, where all trained rows are known."""
    calls = [one for one in taught(facts) if one.rows is not None]
    trained = {int(row) for one in calls for row in one.rows}
    evaluated = {int(row) for one in facts.evaluated() if one.rows is not None for row in one.rows}
    held_out = evaluated - trained
    if not facts.transforms or min(len(trained), len(held_out)) < LEAST_ROWS or not _is_known_whole(facts):
        return None
    steps = _steps(facts)
    of_trained = list(_followed(steps, trained, SHARE_OF_TRAINED))
    of_held_out = list(_followed(steps, held_out, SHARE_OF_HELD_OUT))
    for step, rows in sorted(of_held_out, key=lambda one: one[0].fit.at):
        fitted = {int(row) for row in step.fit.rows}
        if not step.learns or not step.fit.site.is_users or not _is_in(rows, fitted, SHARE_OF_HELD_OUT):
            continue
        for other, known in of_trained:
            if other is step and _is_in(known, fitted, SHARE_OF_HELD_OUT):
                return Proof(step.fit, is_own=False, n_held_out=len(rows), n_fitted=len(fitted))
            if other is not step and other.fit.kind == step.fit.kind and not known & fitted:
                first = {int(row) for row in other.fit.rows}
                if _is_in(known, first, SHARE_OF_HELD_OUT) and not rows & first:
                    return Proof(step.fit, is_own=True, n_held_out=len(rows), n_fitted=len(fitted))
    return None


def _is_known_whole(facts: Facts) -> bool:
    calls = taught(facts)
    if all(one.rows is not None for one in calls):
        return True
    known = [one for one in calls if one.rows is not None]
    seen: set[int] = set()
    for place, one in enumerate(known):
        rows = {int(row) for row in one.rows}
        if place >= (1 - LAST_PART) * len(known) and not rows <= seen:
            return False
        seen |= rows
    return True


def _steps(facts: Facts) -> list[_Step]:
    found: dict[int, _Step] = {}
    for one in facts.transforms:
        step = found.setdefault(id(one.fit), _Step(one.fit, {}, one.learns))
        step.origins.update(zip(one.after.tolist(), one.before.tolist(), strict=True))
    return list(found.values())


def _followed(steps: list[_Step], rows: set[int], share: float, depth: int = 0) -> Iterator[tuple[_Step, set[int]]]:
    """The steps that made this share of the rows, with what they made them of."""
    for step in steps:
        made = rows & step.origins.keys()
        if len(made) >= max(LEAST_ROWS, share * len(rows)):
            before = {step.origins[one] for one in made}
            yield step, before
            if depth < DEEPEST and before != rows:
                yield from _followed(steps, before, share, depth + 1)


def _is_in(rows: set[int], others: set[int], share: float) -> bool:
    return len(rows & others) >= share * len(rows)
