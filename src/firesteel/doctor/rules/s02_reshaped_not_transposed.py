"""S02: a reshape where a transpose was needed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from math import prod
from typing import ClassVar

import torch

from firesteel.doctor.facts import Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called

#: Pictures read the other way are so much smoother, over so many of them, with sides of at least so many pixels.
SMOOTHER, LEAST_PICTURES, LEAST_SIDE = 0.7, 8, 5


class ReshapedNotTransposed(Rule):
    id: ClassVar[str] = "S02"
    title: ClassVar[str] = "reshape used as a transpose"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "reshape and view keep the numbers in their order and only cut it otherwise. Where an axis has to move "
        "(channels to the front, samples to the front) they mix pixels and pictures: each row of the result holds "
        "a bit of many."
    )
    detected: ClassVar[str] = (
        "A reshape whose new shape has the sizes of the old one in another order, or moves the axis of the "
        "samples; arrays whose rows are no rows of the array they are a view of; pictures that are far smoother "
        "when read as height, width, channels."
    )
    silent: ClassVar[str] = (
        "Axes that are merged or split in their order, also where equal sizes leave open which axis is which, permute "
        "and transpose, sizes of 1."
    )
    sick: ClassVar[str] = """
import torch

torch.manual_seed(0)
pictures = torch.rand(10, 6, 8, 3)  # rows, height, width, channels
batch = pictures.reshape(10, 3, 6, 8)
print(torch.nn.Conv2d(3, 4, 3)(batch).shape)
"""
    healthy: ClassVar[str] = sick.replace("pictures.reshape(10, 3, 6, 8)", "pictures.permute(0, 3, 1, 2)").replace(
        "print(", "print(batch.reshape(10, -1).shape, "
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        reshaped = [one for one in facts.ops if one.op in ("reshape", "view") and one.parents and one.site.is_users]
        arrays = [one for one in facts.ops if one.scrambles]
        pictures = [one for one in facts.forwards if one.is_hot and one.input is not None and len(one.input.shape) == 4]
        if not reshaped and not arrays and not pictures:
            raise NotApplicable("no tensor was reshaped and no pictures went into a net")
        n_found = 0
        for one in {made.site: made for made in reversed(reshaped)}.values():
            before, after = one.parents[0].shape, one.shape
            is_inferred = any(-1 in (arg if isinstance(arg, tuple) else (arg,)) for arg in one.args[1:])
            said = "" if is_inferred and len(after) == len(before) == 2 else _reordered(before, after)
            said = said or _samples_moved(before, after)
            if said and not _divides(case, one):
                n_found += 1
                yield self._describe(one.site, f"{before} is cut anew as {after}: {said}")
        for one in {made.site: made for made in arrays}.values():
            if not n_found:
                n_found += 1
                yield self._describe(_reshape_call(case) or one.site, one.scrambles)
        if not n_found:
            for said in _rough(pictures):
                shape = pictures[0].input.shape if pictures[0].input is not None else ()
                yield self._describe(_reshape_call(case, shape[1:]) or pictures[0].site, said)
                return

    def _describe(self, place: Site | tuple[Source, ast.AST], evidence: str) -> Finding:
        return self.finding(
            place,
            message="this reshape mixes what belongs to different rows or channels",
            evidence=evidence,
            why="each row holds a bit of many, and no net can learn from it",
            fix="     move the axis: permute(0, 3, 1, 2), or .T, and reshape only to merge neighbouring axes",
        )


def _divides(case: Case, made: Made) -> bool:
    """`reshape(n, steps // 2, 2 * width)` joins neighbours: that a half is as large as the width is chance."""
    call = case.sources.of(made.site).node_at(made.site)
    sizes = call.args if isinstance(call, ast.Call) else []
    return any(isinstance(part, ast.FloorDiv) for one in sizes for part in ast.walk(one))


def _reordered(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    old, new = [n for n in before if n > 1], [n for n in after if n > 1]
    if len(old) < 2 or old == new or sorted(old) != sorted(new):
        return ""
    return "the same sizes in another order, while the numbers stay in theirs"


def _samples_moved(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """(N, h, w) to (h * w, N), or (h, w, N) to (N, h * w)."""
    old = [n for n in before if n > 1]
    new = [n for n in after if n > 1]
    if len(old) < 3 or len(new) != 2 or old[0] == old[-1]:  # of equal ones nobody can say which it is
        return ""
    if new == [prod(old[1:]), old[0]] and new[0] != new[1]:
        return f"the first axis, of {old[0]}, becomes the last, while the numbers stay in their order"
    if new == [old[-1], prod(old[:-1])]:
        return f"the last axis, of {old[-1]}, becomes the first, while the numbers stay in their order"
    return ""


def _rough(pictures: list[Forward]) -> Iterator[str]:
    """Batches (n, c, h, w) that are far smoother when their numbers are read as (n, h, w, c)."""
    for forward in pictures:
        value = forward.input.value if forward.input is not None else None
        if value is None or not value.is_floating_point():
            continue
        n, c, h, w = value.shape
        if n < LEAST_PICTURES or not 2 <= c <= 4 or min(h, w) < LEAST_SIDE:
            continue
        other = value.reshape(n, h, w, c).permute(0, 3, 1, 2)
        as_is, turned = _variation(value), _variation(other)
        if as_is > 0 and turned < SMOOTHER * as_is:
            yield (
                f"neighbouring pixels of {n} pictures differ by {as_is:.3g} on average; read as "
                f"height, width, channels "
                f"they differ by {turned:.3g}"
            )
            return


def _variation(x: torch.Tensor) -> float:
    return float((x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean())


def _reshape_call(case: Case, shape: tuple[int, ...] = ()) -> tuple[Source, ast.AST] | None:
    """The call of reshape that gives a shape; else the first with three dimensions and more, or behind which .T is."""
    first: tuple[Source, ast.AST] | None = None
    for path in case.facts.files():
        source = case.sources[path]
        for call in source.nodes(ast.Call):
            if called(call) not in ("reshape", "view", "resize"):
                continue
            sizes = [part for one in call.args for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
            known = [one.value if isinstance(one, ast.Constant) else None for one in sizes]
            if shape and tuple(known[-len(shape) :]) == shape:
                return source, call
            turned = any(isinstance(one, ast.Attribute) and one.attr == "T" for one in source.parents(call))
            is_given = any(isinstance(one, ast.Tuple) for one in call.args)
            if first is None and (turned or len(sizes) >= (3 if shape else 4) or is_given):
                first = source, call
    return first
