"""O10: clipping at the wrong place, or a GradScaler used wrongly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Backward, Call, Facts, Made, Param, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

#: It happens in each round of the loop, not once.
FEWEST = 2
#: Limits beyond are there to have the norm told, not to clip.
NO_LIMIT = 1e5


class ClipAndScale(Rule):
    id: ClassVar[str] = "O10"
    title: ClassVar[str] = "clipping behind the step, or a GradScaler used wrongly"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Clipping acts between backward() and step(): before or behind it changes nothing that is ever applied. A "
        "GradScaler multiplies the loss by 65536 or so: gradients must be unscaled before they are clipped, and only "
        "scaler.step() may apply them."
    )
    detected: ClassVar[str] = (
        "At each clipping: does any of its parameters hold a gradient that no step has applied? And are these "
        "gradients those of a scaled loss, with no unscale_() since? At each step: were scaled gradients applied by "
        "optimizer.step() itself, or plain ones divided by scaler.step()?"
    )
    silent: ClassVar[str] = (
        "Clipping with an infinite limit, which only tells the norm; clipping inside a closure; a scaler that is "
        "switched off."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
"""
    healthy: ClassVar[str] = sick.replace("    nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n", "").replace(
        "    optimizer.step()", "    nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n    optimizer.step()"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        clips = [one for one in facts.calls if one.name.startswith("clip_")]
        by_hand = _clips_by_hand(facts)
        if not clips and not by_hand and not any(one.name.startswith("scaler_") for one in facts.calls):
            raise NotApplicable("gradients were neither clipped nor scaled")
        for site, calls in _by_site(clips).items():
            yield from self._without_effect(case, site, calls)
            yield from self._still_scaled(case, site, calls)
        yield from self._late_by_hand(case, by_hand)
        yield from self._scaled_and_stepped(case)
        yield from self._stepped_and_not_scaled(case)

    # ---- clipping

    def _without_effect(self, case: Case, site: Site, calls: list[Call]) -> Iterator[Finding]:
        facts = case.facts
        limited = [one for one in calls if one.params and one.details.get("limit", 0.0) < NO_LIMIT]
        idle = [one for one in limited if not one.details.get("n_pending")]
        if len(idle) < FEWEST or len(idle) < len(limited) - 1 or not facts.steps:
            return
        n_applied = max(one.details["n_with_gradient"] for one in idle)
        source = case.sources.of(site)
        call = source.line(site.line).strip()
        step = next((one for one in reversed(facts.steps) if one.at < idle[-1].at), facts.steps[0])
        is_cleared = _is_cleared(facts, idle)
        is_late = n_applied > 0 and not is_cleared
        evidence = f"in {len(idle)} of {len(limited)} calls "
        evidence += (
            f"the gradients of all {n_applied} parameters had been applied by a step already"
            if is_late
            else "no parameter had a gradient"
        )
        moved = case.sources.of(step.site).insert_before(step.site.line, call)
        yield self.finding(
            site,
            message="gradients are clipped "
            + ("behind the step that applied them" if is_late else "before there are any"),
            evidence=evidence,
            why="the steps are those of gradients that nobody clipped",
            fix=f"{moved}\n{source.remove_line(site.line)}",
        )

    def _still_scaled(self, case: Case, site: Site, calls: list[Call]) -> Iterator[Finding]:
        facts = case.facts
        scaled = [
            one for one in calls
            if one.details.get("is_scaled") and one.details.get("n_pending") and one.details.get("limit", 0) < NO_LIMIT
            and not _is_unscaled(facts, one)
        ]  # fmt: skip
        if len(scaled) < FEWEST:
            return
        source = case.sources.of(site)
        yield self.finding(
            site,
            message="gradients are clipped while they are still scaled",
            evidence=f"in {len(scaled)} of {len(calls)} calls the gradients were those of a loss that a GradScaler had "
            f"multiplied, and no unscale_() came since; the limit is {scaled[-1].details['limit']:g}",
            why="the limit acts on gradients that are thousands of times too large, so nearly nothing is left of them",
            fix=source.insert_before(site.line, "scaler.unscale_(optimizer)"),
        )

    def _late_by_hand(self, case: Case, clips: list[tuple[Made, Param]]) -> Iterator[Finding]:
        facts = case.facts
        late: dict[Site, list[bool]] = {}
        for made, param in clips:
            before = [one for one in facts.steps if one.at < made.at]
            backward = max((one.at for one in facts.backwards if one.at < made.at), default=-1)
            holders = [one for one in before if any(held is param for held in one.optimizer.params)]
            late.setdefault(made.site, []).append(bool(holders) and holders[-1].at > backward)
        for site, verdicts in late.items():
            if len(verdicts) >= FEWEST and sum(verdicts) >= len(verdicts) - 1 and sum(verdicts) >= FEWEST:
                yield self.finding(
                    site,
                    message="gradients are clipped behind the step that applied them",
                    evidence=f"{sum(verdicts)} of {len(verdicts)} clippings that were looked at came between step() "
                    "and the next backward()",
                    why="the steps are those of gradients that nobody clipped",
                    fix="clip between backward() and step()",
                )

    # ---- scaling

    def _scaled_and_stepped(self, case: Case) -> Iterator[Finding]:
        facts = case.facts
        wrong: list[Step] = [
            one for one in facts.steps
            if not one.is_scaled and not one.has_closure and any(backward.is_scaled for backward in one.applied)
            and not _is_unscaled_before(facts, one.at, {id(param) for param in one.optimizer.params})
        ]  # fmt: skip
        if len(wrong) < FEWEST:
            return
        site = wrong[-1].site
        source = case.sources.of(site)
        yield self.finding(
            site,
            message="optimizer.step() applies gradients of a scaled loss as they are",
            evidence=f"{len(wrong)} steps applied gradients of a loss that a GradScaler had multiplied, without "
            "scaler.step() and without unscale_()",
            why="steps are thousands of times too long, and infinite gradients are not skipped",
            fix=f"{source.remove_line(site.line)}\n     write scaler.step(optimizer) and scaler.update() instead",
        )

    def _stepped_and_not_scaled(self, case: Case) -> Iterator[Finding]:
        facts = case.facts
        wrong: list[tuple[Call, Backward]] = []
        for call in facts.calls:
            if call.name == "scaler_step" and call.details.get("n_pending") and not call.details.get("is_scaled"):
                backward = next((one for one in reversed(facts.backwards) if one.at < call.at), None)
                if backward is not None and not backward.is_scaled:
                    wrong.append((call, backward))
        if len(wrong) < FEWEST:
            return
        site = wrong[-1][1].site
        source = case.sources.of(site)
        fix = source.change_line(site.line, "loss.backward()", "scaler.scale(loss).backward()")
        yield self.finding(
            site,
            message="scaler.step() divides gradients of a loss that was not scaled",
            evidence=f"{len(wrong)} calls of scaler.step() met gradients of a plain loss",
            why="gradients are made thousands of times too small",
            fix=fix,
        )


def _by_site(calls: list[Call]) -> dict[Site, list[Call]]:
    found: dict[Site, list[Call]] = {}
    for one in calls:
        found.setdefault(one.site, []).append(one)
    return found


def _is_cleared(facts: Facts, clips: list[Call]) -> bool:
    """zero_grad() came between the step before and one of these clippings."""
    for clip in clips:
        step = max((one.at for one in facts.steps if one.at < clip.at), default=clip.at)
        if any(step < one.at < clip.at for one in facts.zero_grads):
            return True
    return False


def _is_unscaled(facts: Facts, clip: Call) -> bool:
    return _is_unscaled_before(facts, clip.at, set(clip.params))


def _is_unscaled_before(facts: Facts, at: int, params: set[int]) -> bool:
    """unscale_() came since the last backward."""
    start = max((one.at for one in facts.backwards if one.at < at), default=0)
    return any(one.name == "scaler_unscale" and start < one.at < at and params & set(one.params) for one in facts.calls)


def _clips_by_hand(facts: Facts) -> list[tuple[Made, Param]]:
    """`p.grad.clamp_(...)`, `p.grad.data.clamp_(...)` (hot only)."""
    found = []
    for made in facts.ops:
        if made.op == "clamp" and made.is_in_place and made.parents:
            read = origin(made.parents[0])
            param = origin(read.parents[0]).param if read.op == "get_grad" and read.parents else None
            if param is not None:
                found.append((made, param))
    return found
