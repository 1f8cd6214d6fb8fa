"""Which operation brings one row of a batch into the others: a net computed again with one of its rows changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.lineage import in_order, is_answer, layer_site
from firesteel.doctor.reexecuting import CannotReplay, Expression
from firesteel.doctor.replaying import apart
from firesteel.doctor.sites import Site

RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
SEQUENCES = RECURRENT | {"multi_head_attention_forward"}
#: Answers of the other rows change by more than this share of their spread.
TOLERANCE = 1e-3
#: Rows that are exchanged for others, or put elsewhere: nobody does that by mistake inside a net.
_ON_PURPOSE = frozenset({
    "argsort", "cdist", "flip", "gather", "index_select", "roll", "scatter", "scatter_add", "sort", "take_along_dim",
    "topk", "unique",
})  # fmt: skip
#: What moves an axis, or was meant to.
_MOVES = frozenset({"movedim", "permute", "transpose", "reshape", "view", "get_T", "get_mT", "unflatten"})
#: What hands a mean on to where it is taken off.
_HANDS_ON = frozenset({"part", "expand", "expand_as", "unsqueeze", "detach", "view"})


@dataclass(frozen=True, eq=False)
class Mixing:
    """The operation at which it begins, and how many other rows it reached."""

    made: Made
    n_changed: int
    site: Site
    is_sequence: bool  # a layer for sequences took the rows for points in time
    is_option: bool  # `batch_first` would mend it


def mixing_of(facts: Facts, forward: Forward) -> Mixing | None:
    """Where a call of a net mixes its rows; None if it does not, or does it on purpose.

    Raises:
        CannotReplay: it cannot be computed again, or takes statistics of the batch.
    """
    output = forward.output
    assert output is not None
    params = [one for one in facts.params if one.initial is not None]
    n, row = forward.n_rows, forward.n_rows // 2
    inputs = [one for one in forward.inputs if one.shape[:1] == (n,) and not one.requires_grad]
    expression = Expression(output, params, given=inputs)
    uses_batch = any(made.op == "batch_norm" and made.argument(5, "training", False) for made in expression.dependent)
    if uses_batch:
        raise CannotReplay("it uses batch statistics")
    leaves = {id(one): one.initial for one in params if one.initial is not None}
    data = {
        id(one): expression.data_of(one)
        for made in expression.dependent
        for one in made.parents
        if one in inputs or not expression.depends(one)
    }
    changed = {key: _with_row(value, row) for key, value in data.items() if value.shape[:1] == (n,)}
    if not any(not torch.equal(changed[key], data[key]) for key in changed):
        raise CannotReplay("its rows are all alike")
    with apart(), torch.no_grad():  # each with the same seed: dropout draws the same numbers
        before = expression.compute_all(leaves, data=data)
    with apart(), torch.no_grad():
        after = expression.compute_all(leaves, data=changed)
    n_changed = _others_changed(before[id(output)], after[id(output)], n, row)
    if not n_changed:
        return None
    values = before, after
    first = next((one for one in expression.dependent if not _is_apart(one, *values, n, row)), output)
    return _described(facts, forward, first, n_changed, expression)


def _described(facts: Facts, forward: Forward, first: Made, n_changed: int, expression: Expression) -> Mixing | None:
    made = first.parents[0] if first.op == "part" and first.parents else first
    if made.op in SEQUENCES:
        moved = _moved_before(made, expression) if _is_batch_first(made) else None
        site = moved.site if moved is not None else _created(facts, made)
        return Mixing(made, n_changed, site, is_sequence=True, is_option=moved is None)
    chooses = made.op == "getitem" and any(isinstance(one, Made) for one in made.parents[1:])
    if made.op in _ON_PURPOSE or chooses or _is_centring(made, expression) or _is_carried(facts, forward, made):
        return None
    return Mixing(made, n_changed, layer_site(made), is_sequence=False, is_option=False)


def is_one_sequence(made: Made) -> bool:
    """A layer for sequences that was given a single one: (steps, width), or a batch of one."""
    given = made.parents[0].shape if made.parents else ()
    return made.op in SEQUENCES and (len(given) == 2 or (len(given) == 3 and 1 in given[:2]))


# ---- one row changed


def _with_row(value: torch.Tensor, row: int) -> torch.Tensor:
    """The rows with one of them replaced by another that differs from it."""
    other = next((i for i in range(len(value)) if not torch.equal(value[i], value[row])), row)
    changed = value.clone()
    changed[row] = value[other]
    return changed


def _differs(before: object, after: object) -> torch.Tensor | None:
    """Where the numbers changed; None where that cannot be said."""
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor) or before.shape != after.shape:
        return None
    if not before.is_floating_point():
        return before != after
    spread = float(before.double().std()) if before.numel() > 1 else 0.0
    return (before.double() - after.double()).abs() > TOLERANCE * max(spread, 1e-12)


def _others_changed(before: object, after: object, n: int, row: int) -> int:
    differs = _differs(before, after)
    if differs is None or not isinstance(before, torch.Tensor) or not before.is_floating_point():
        return 0
    rows = differs.reshape(n, -1).any(1)
    return int(rows.sum()) - int(rows[row])


def _is_apart(made: Made, before: Mapping[int, object], after: Mapping[int, object], n: int, row: int) -> bool:
    """Only the numbers of the one row changed, wherever its axis is, also merged with another one."""
    differs = _differs(before[id(made)], after[id(made)])
    if differs is None or not bool(differs.any()):
        return True
    for axis, size in enumerate(differs.shape):
        if size and size % n == 0:
            here = differs.movedim(axis, 0).reshape(size, -1).any(1)
            for rows in (here.reshape(n, -1).any(1), here.reshape(-1, n).any(0)):
                if int(rows.sum()) == int(rows[row]):
                    return True
    return False


# ---- whose line, and whether it is meant so


def _created(facts: Facts, made: Made) -> Site:
    """The line that made the layer; of a copy, the line that made a layer of its kind to copy from."""
    module = made.module
    if module is not None and module.site is None and not module.has_users_forward:
        models = [one for one in facts.modules if one.kind == module.kind and one.created_at < made.at]
        sites = dict.fromkeys(one.site for one in models if one.site is not None)
        if len(sites) == 1:
            return next(iter(sites))
    return layer_site(made)


def _is_batch_first(made: Made) -> bool:
    if made.op in RECURRENT:
        return made.args[-1] is True
    given = made.parents[0] if made.parents else None
    return given is not None and given.op == "transpose" and given.module is made.module


def _moved_before(made: Made, expression: Expression) -> Made | None:
    """The nearest operation outside of the layer that moved an axis of what it is given."""
    known = {id(one) for one in expression.dependent}
    one = made.parents[0] if made.parents else None
    while one is not None and id(one) in known:
        if one.op in _MOVES and one.module is not made.module:
            return one
        one = one.parents[0] if one.parents else None
    return None


def _is_centring(made: Made, expression: Expression) -> bool:
    """The mean of a batch that is taken from the same numbers: a batch norm written by hand."""
    if made.op not in ("mean", "var_mean", "std_mean", "median") or not made.parents:
        return False
    differences = [one for one in expression.dependent if one.op == "sub" and made.parents[0] in one.parents]
    return any(_handed_on(parent) is made for one in differences for parent in one.parents)


def _handed_on(made: Made) -> Made:
    while made.op in _HANDS_ON and made.parents:
        made = made.parents[0]
    return made


def _is_carried(facts: Facts, forward: Forward, first: Made) -> bool:
    """It goes into what a later call takes over: a running state of the net, which is not one batch's alone."""
    handed: set[Site] = set()
    for call in facts.forwards:
        if call.module is forward.module and call.output is not None:
            for made in in_order(call.output):
                earlier = [one for one in made.parents if one.at < call.at < made.at and one.op != "parameter"]
                handed.update(one.site for one in earlier if is_answer(one))
    assert forward.output is not None
    states = [made for made in in_order(forward.output) if made.site in handed and made.at >= first.at]
    return any(one is first for made in states for one in made.walk())
