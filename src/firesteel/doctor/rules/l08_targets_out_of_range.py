"""L08: targets of the wrong kind or range."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import torch

from firesteel.doctor.facts import Facts, Loss, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import is_swapped
from firesteel.doctor.lineage import SAME_NUMBERS, is_answer, layer_site, origin, regressions
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

_Found = tuple[Level, str, str, str, str]  # level, message, evidence, why, fix
_BINARY = ("binary_cross_entropy_with_logits", "binary_cross_entropy")
_OF_CLASSES = ("cross_entropy", "nll_loss")
#: Losses whose targets are -1 and 1, and where these stand.
_OF_SIGNS = {
    "soft_margin_loss": (1, "target"), "hinge_embedding_loss": (1, "target"), "cosine_embedding_loss": (2, "target"),
    "margin_ranking_loss": (2, "target"),
}  # fmt: skip
_TELLING = {"eq", "ne", "gt", "ge", "lt", "le"}
_TO_WHOLE = {"long", "int", "short", "byte", "tensor", "as_tensor"}
#: Class 0 counts as left out where so many labels of it would be expected and none comes.
LEAST_EXPECTED, MOST_CLASSES = 8.0, 50
#: Targets of 0 and 1 may be blurred by noise, as for a GAN (0.7 to 1.2 for real).
NOISE = 0.25
LEAST_ZEROS = 0.05
#: A row of shares adds up to 1 but for so much, in all rows but so many.
OFF, LEAST_OFF = 0.02, 0.1
#: A cast took so much of the spread of amounts.
LEAST_CUT = 0.1


class TargetsOutOfRange(Rule):
    id: ClassVar[str] = "L08"
    title: ClassVar[str] = "targets of the wrong kind or range"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Binary losses take targets between 0 and 1: with -1 and 1 the loss falls below 0 without end; margin losses "
        "take -1 and 1, and learn nothing from a 0. Cross entropy takes class ids from 0, or shares that add up to 1: "
        "ids from 1 with an output too many run without an error and waste a class; several ones in a row want another "
        "loss; ignore_index leaves out every row of that class; numbers cut to whole ones may all become 0."
    )
    detected: ClassVar[str] = (
        "The targets of trained losses: their least and largest values, which ids never come, their sums, and whether "
        "a cast to whole numbers lost what they said."
    )
    silent: ClassVar[str] = (
        "Soft and noisy targets near 0 and 1, label smoothing, ignore_index of padding, words that never come, and "
        "classes that are merely rare."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = torch.where(x[:, :1] > 0, 1.0, -1.0)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("1.0, -1.0)", "1.0, 0.0)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = [one for one in case.facts.trained_losses(*_BINARY, *_OF_CLASSES, *_OF_SIGNS) if not is_swapped(one)]
        losses = [one for one in losses if _target_of(one) is not None]
        targets = [_target_of(one) for one in losses if one.name in _OF_CLASSES]
        cut = _truncated([one for one in targets if one], [one for _, _, one in regressions(case.facts)])
        if not losses and not cut:
            raise NotApplicable("no loss with classes was trained on")
        for site in dict.fromkeys(one.site for one in losses):
            here = [one for one in losses if one.site is site]
            judged = _binary if here[0].name in _BINARY else _signs if here[0].name in _OF_SIGNS else _classes
            found = judged(here)
            left_out = _ignored(case.facts, here) if found is None and judged is _classes else None
            if found is not None:
                yield self._describe(site, found)
            elif left_out is not None:
                yield self._describe(layer_site(here[0].made), left_out)
        for cast, lost in cut.items():
            yield self._describe(cast, lost)

    def _describe(self, site: Site, found: _Found) -> Finding:
        level, message, evidence, why, fix = found
        return self.finding(site, level=level, message=message, evidence=evidence, why=why, fix=f"     {fix}")


def _target_of(loss: Loss) -> Made | None:
    """The target, where its values were kept."""
    position, name = _OF_SIGNS.get(loss.name, (1, "target"))
    target = loss.made.argument(position, name)
    return target if isinstance(target, Made) and target.value is not None and target.value.numel() else None


def _values(losses: list[Loss]) -> list[torch.Tensor]:
    return [one.value for one in map(_target_of, losses) if one is not None and one.value is not None]


def _binary(losses: list[Loss]) -> _Found | None:
    values = torch.cat([one.reshape(-1).double() for one in _values(losses)])
    low, high = float(values.min()), float(values.max())
    if low >= -NOISE and high <= 1 + NOISE:
        return None
    n = int(((values < -NOISE) | (values > 1 + NOISE)).sum())
    return (
        "E",
        "a binary loss is given targets beyond 0 and 1",
        f"{n:,} of {len(values):,} targets that were looked at lie beyond; they go from {low:g} to {high:g}",
        "the loss has no least value and falls without end",
        "write the targets as 0 and 1",
    )


def _signs(losses: list[Loss]) -> _Found | None:
    values = torch.cat([one.reshape(-1).double() for one in _values(losses)])
    n = int((values == 0).sum())
    if n + int((values == 1).sum()) < len(values) or n < LEAST_ZEROS * len(values):
        return None
    return (
        "E",
        f"{losses[0].name} takes targets of -1 and 1, and is given 0 and 1",
        f"{n:,} of {len(values):,} targets that were looked at are 0",
        "from rows whose target is 0 nothing, or the wrong thing, is learned",
        "write the targets as -1 and 1: 2 * y - 1",
    )


def _classes(losses: list[Loss]) -> _Found | None:
    values = _values(losses)
    if losses[0].input.shape[1:2] == (1,):  # that is L05
        return None
    if values[0].is_floating_point():
        return _shares(losses, values)
    n_classes = _n_classes(losses[0])
    if not n_classes or any(one.dim() != 1 for one in values):
        return None
    labels = torch.cat(values).long()
    counts = torch.bincount(labels[(labels >= 0) & (labels < n_classes)], minlength=n_classes)
    return _from_one(losses, labels, counts, _left_out(losses[0]))


def _n_classes(loss: Loss) -> int:
    """How many there are, if neither few nor many; 0 too for words: some never come, one may stand for padding."""
    n_classes = loss.input.shape[1] if len(loss.input.shape) > 1 else 0
    are_words = any(one.op == "embedding" and _n_words(one) == n_classes for one in loss.input.walk())
    return n_classes if 2 <= n_classes <= MOST_CLASSES and not are_words else 0


def _left_out(loss: Loss) -> Any:
    return loss.made.argument(4, "ignore_index", -100)


def _n_words(made: Made) -> int:
    weights = [one.shape[0] for one in made.parents if one.op == "parameter" and one.shape]
    return weights[0] if weights else 0


def _ignored(facts: Facts, losses: list[Loss]) -> _Found | None:
    """A class that ignore_index leaves out, of rows; of sequences, which are padded, if it also comes within them."""
    n_classes, ignored = _n_classes(losses[0]), _left_out(losses[0])
    if type(ignored) is not int or not 0 <= ignored < n_classes:
        return None
    labels = torch.cat([one.reshape(-1).long() for one in _values(losses)])
    tables = [_table_of(_target_of(one)) for one in losses]
    if any(one is not None for one in tables):
        n = _n_within([one.value for one in tables if one is not None], ignored)
        n = n if _is_scored(facts, ignored) else 0
        where = " between others of their sequences, where nothing is padded"
    else:
        n, where = int((labels == ignored).sum()), ""
    if n < LEAST_ZEROS * len(labels) or len(labels.unique()) < 2:
        return None
    return (
        "W",
        f"ignore_index={ignored} leaves out every row of class {ignored}",
        f"{n:,} of {len(labels):,} labels that were looked at are {ignored}{where}",
        "the net is never told of that class",
        "leave out ignore_index, or use a number that is no class",
    )


def _table_of(target: Made | None) -> Made | None:
    """Of sequences and pictures the whole, if labels were made of one by flattening it."""
    made = target
    while made is not None:
        if len(made.shape) > 1 and made.shape[-1] > 1:
            return made
        made = made.parents[0] if made.op in SAME_NUMBERS and made.parents else None
    return None


def _n_within(values: list[torch.Tensor | None], ignored: int) -> int:
    """Labels with others before and behind them along each dimension; 0 where that cannot be said."""
    tables = [one for one in values if one is not None and one.dim() == 2]
    if len(tables) < len(values):
        return 0
    along = []
    for dim in (0, 1):
        others = [(one != ignored).long() for one in tables]
        inside = [(one == 0) & (one.cumsum(dim) > 0) & (one.flip(dim).cumsum(dim).flip(dim) > 0) for one in others]
        along.append(sum(int(one.sum()) for one in inside))
    return min(along)


def _is_scored(facts: Facts, ignored: int) -> bool:
    """Answers are counted right by labels of that class, too, and nowhere are these told from the others."""
    compared: dict[int, Made] = {}
    for made in facts.ops:
        sides = sorted(made.parents, key=is_answer) if made.op in ("eq", "ne") else []
        if len(sides) == 2 and not is_answer(sides[0]) and is_answer(sides[1]):
            value = sides[0].value
            if value is not None and float((value == ignored).double().mean()) >= LEAST_ZEROS:
                compared[id(origin(sides[0]))] = made
    told = {id(origin(one.parents[0])) for one in facts.ops if one.op in _TELLING and len(one.parents) == 1}
    return bool(compared) and not told & compared.keys()


def _from_one(losses: list[Loss], labels: torch.Tensor, counts: torch.Tensor, ignored: int) -> _Found | None:
    n_classes = len(counts)
    is_shifted = n_classes > 2 and int(counts[0]) == 0 and int(counts[1:].min()) > 0 and ignored != 0
    if not is_shifted or float(counts.sum()) / n_classes < LEAST_EXPECTED or _has_zero(_target_of(losses[0])):
        return None
    return (
        "W",
        "class ids begin at 1: output 0 is never a target",
        f"of {len(labels):,} labels that were looked at none is 0, and all of 1 to {n_classes - 1} come; the net has "
        f"{n_classes} outputs",
        "one output is wasted, and what reads class ids from 0 is off by one",
        f"number the classes from 0, with {n_classes - 1} outputs",
    )


def _has_zero(made: Made | None) -> bool:
    """Among all the labels from which a batch was taken."""
    while made is not None:
        if made.value is not None and bool((made.value == 0).any()):
            return True
        made = made.parents[0] if made.op in SAME_NUMBERS and made.parents else None
    return False


def _shares(losses: list[Loss], values: list[torch.Tensor]) -> _Found | None:
    """Targets as shares of classes must add up to 1 in each row."""
    if any(one.shape != loss.input.shape or one.dim() < 2 for one, loss in zip(values, losses, strict=True)):
        return None
    rows = torch.cat([one.double().movedim(1, -1).reshape(-1, one.shape[1]) for one in values])
    sums = rows.sum(1)
    off = (sums - 1).abs() > OFF
    is_weighed = bool(((rows != 0).sum(1) <= 1).all()) and bool((sums > 0).all())  # one class a row, with a weight
    if float(off.double().mean()) < LEAST_OFF or is_weighed:
        return None
    return (
        "W",
        "cross entropy is given shares of classes that do not add up to 1",
        f"{int(off.sum()):,} of {len(sums):,} rows add up to {float(sums.min()):.3g} to {float(sums.max()):.3g}",
        "rows count more or less than others, and several right classes compete with each other",
        "for several labels a row use BCEWithLogitsLoss",
    )


def _truncated(ids: list[Made], amounts: list[Made]) -> dict[Site, _Found]:
    """Casts to whole numbers that left one class of several values, or that took much from amounts."""
    found: dict[Site, _Found] = {}
    for made in (*ids, *amounts):
        cast, source = _cast_of(made)
        if cast is None or source is None or cast.site in found or not cast.site.is_users:
            continue
        before, after = source.double(), cast.value.double() if cast.value is not None else source.double()
        lost, spread = float((before - after).abs().mean()), float(before.std()) if before.numel() > 1 else 0.0
        is_single = bool((after == after.reshape(-1)[0]).all()) and len(before.unique()) > 1
        if is_single if any(made is one for one in ids) else lost > LEAST_CUT * spread > 0:
            n = int((before != after).sum())
            found[cast.site] = (
                "E",
                "the targets are cut to whole numbers",
                f"{n:,} of {before.numel():,} had a fraction: {float(before.min()):.3g} to {float(before.max()):.3g} "
                f"became {float(after.min()):g} to {float(after.max()):g}",
                "what they said is lost",
                "keep them as float32, or make class ids of them first",
            )
    return found


def _cast_of(made: Made) -> tuple[Made | None, torch.Tensor | None]:
    """The nearest cast of fractions to whole numbers on the way of a target, and what it was given."""
    while made.parents and (made.op in SAME_NUMBERS | _TO_WHOLE):
        before, after = made.parents[0].value, made.value
        if before is not None and after is not None and before.is_floating_point() and not after.is_floating_point():
            is_fit = before.shape == after.shape and before.numel() > 1 and bool(torch.isfinite(before).all())
            return (made, before) if is_fit and bool((before != before.trunc()).any()) else (None, None)
        made = made.parents[0]
    return None, None
