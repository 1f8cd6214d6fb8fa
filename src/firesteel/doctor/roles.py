"""What only the end can tell: which calls trained and which evaluated."""

from __future__ import annotations

from bisect import bisect_left

from firesteel.doctor.facts import Backward, Facts, Forward


def settle(facts: Facts) -> None:
    """Sets `role` of each forward and `is_trained` of each loss, in place."""
    _count_asked(facts)
    trained: set[int] = set()
    for backward in facts.backwards:
        if backward.made is not None:
            known = frozenset(trained)
            trained.update([id(one) for one in backward.made.walk(known=known)])
    for loss in facts.losses:
        loss.is_trained = id(loss.made) in trained
    starts = [backward.at for backward in facts.backwards]
    for forward in facts.forwards:
        if forward.is_hot:
            after = bisect_left(starts, forward.at)
            following = facts.backwards[after] if after < len(starts) else None
            forward.role = _role(forward, trained, following)
    _spread(facts)


def _count_asked(facts: Facts) -> None:
    """A gradient that was asked for by name is a backward, if what it was asked for was changed along it."""
    data = {id(one.param) for forward in facts.forwards for one in forward.inputs if one.param is not None}
    held = {key for optimizer in facts.optimizers for key in optimizer.ever_with_gradient}
    learning = {id(one) for one in facts.params if one.n_by_hand > 1} | held
    found = [one for one in facts.asked if one.reached & learning and not one.reached & data]
    for one in found:
        for param in one.reached_params:
            param.n_backwards += 1
            param.last_backward_at = one.at
    facts.asked = found
    facts.n_backwards += len(found)
    facts.backwards = sorted([*facts.backwards, *found], key=lambda one: one.at)


def _role(forward: Forward, trained: set[int], following: Backward | None) -> str:
    if any(id(one) in trained for one in forward.outputs):
        return "training"
    if not forward.has_grad:
        return "evaluation"
    if following is None:
        return "evaluation"
    is_known = following.made is not None and bool(following.reached)
    return "evaluation" if is_known and forward.outputs else "unknown"


def _spread(facts: Facts) -> None:
    """Calls that nobody looked at have the role of the others of their line, where these agree."""
    roles: dict[tuple[object, bool, bool], set[str]] = {}
    for one in facts.forwards:
        if one.is_hot:
            roles.setdefault((one.site, one.has_grad, one.is_training), set()).add(one.role)
    for one in facts.forwards:
        if one.role == "unknown" and not one.is_hot:
            known = roles.get((one.site, one.has_grad, one.is_training), set()) - {"unknown"}
            one.role = next(iter(known)) if len(known) == 1 else "unknown" if one.has_grad else "evaluation"
