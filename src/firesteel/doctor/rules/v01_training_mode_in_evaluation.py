"""V01: dropout or batch norm active in evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.owners import name_of_net
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.scoring import Scores
from firesteel.doctor.sites import Site

_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
#: Of these, what does nothing unless it is told to.
_OFF_BY_DEFAULT = ("alpha_dropout", "feature_alpha_dropout")
_ATTENTION = "scaled_dot_product_attention"


class TrainingModeInEvaluation(Rule):
    id: ClassVar[str] = "V01"
    title: ClassVar[str] = "dropout or batch norm active in evaluation"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "In training mode dropout sets values to 0 at random, and batch norm uses the statistics of the batch and "
        "changes its running ones. A score that is taken in this mode is not that of the net: it changes from "
        "call to call, with the size of the batch, and with what else is in it."
    )
    detected: ClassVar[str] = (
        "A call of the trained net that no backward followed and whose answers became a score, in which a layer "
        "of dropout or batch norm was in training mode."
    )
    silent: ClassVar[str] = (
        "Nets without such layers; an explicit .train() behind the last training step, which is intent (MC dropout), "
        "as are the same rows given to the net several times in a row; calls whose answers nobody scores (running "
        "statistics computed anew, samples of a generator or a language model, an agent's moves)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(150, 4), torch.randint(0, 2, (150,))
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(10):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[:100]), y[:100]).backward()
    optimizer.step()
with torch.no_grad():
    print("accuracy", (net(x[100:]).argmax(1) == y[100:]).float().mean().item())
"""
    healthy: ClassVar[str] = sick.replace("with torch.no_grad()", "net.eval()\nwith torch.no_grad()")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        trained = {id(param) for one in facts.trained() for param in one.module.params}
        evaluated = [
            one for one in facts.evaluated() if one.is_hot and any(id(param) in trained for param in one.module.params)
        ]
        if not evaluated:
            raise NotApplicable("no evaluation of a trained net was looked at")
        if not any(one.modes or _functional(one) for one in evaluated):
            raise NotApplicable("no dropout or batch norm is in the nets that were evaluated")
        scores = Scores(facts)
        first = facts.backwards[0].at if facts.backwards else 0
        seen: dict[object, list[Forward]] = {}
        for one in evaluated:
            is_active = any(one.modes.values()) or bool(_active_operations(one))
            if is_active and not _is_meant(facts, one) and not scores.is_draw(one) and scores.is_scored(one):
                seen.setdefault(one.site, []).append(one)
        for site, found in seen.items():
            if found[-1].at > first:  # a look at the first loss is no evaluation
                yield self._describe(case, found[-1], n=sum(other.site is site for other in evaluated))

    def _describe(self, case: Case, forward: Forward, *, n: int) -> Finding:
        source = case.sources.of(forward.site)
        active = [name for name, is_training in forward.modes.items() if is_training]
        layers = [_layer(forward, name) for name in active]
        named = ", ".join(layers[:3]) + (f" and {len(active) - 3} more" if len(active) > 3 else "")
        kinds = " and ".join(forward.module.stateful) or "functional dropout"
        work = "work" if len(forward.module.stateful) > 1 else "works"
        name = name_of_net(case.sources, case.facts, forward)
        return self.finding(
            _place(forward),
            message=f"{kinds} of the net still {work} as in training when it is evaluated",
            evidence=f"in {n} evaluation{'s that were' if n != 1 else ' that was'} looked at, no backward followed and "
            f"{named or 'functional dropout or batch norm'} {'were' if len(active) > 1 else 'was'} in training mode",
            why="the score changes from call to call and is not that of the net",
            fix=source.insert_before(forward.site.line, f"{name}.eval()  # and {name}.train() before training goes on")
            if active
            else "     give functional dropout training=self.training",
        )  # fmt: skip


def _layer(forward: Forward, name: str) -> str:
    """`Dropout (layer 2)` of a list of layers, `BatchNorm1d (body.norm)` of a net with names."""
    net = forward.module.ref()
    known = dict(net.named_modules()) if net is not None else {}
    kind = type(known[name]).__name__ if name in known else ""
    where = f"layer {name}" if name.isdigit() else name
    return f"{kind} ({where})" if kind and name else kind or where


def _place(forward: Forward) -> Site:
    """The call; or the functional dropout that eval() does not reach, where the net is in evaluation mode."""
    always_on = [] if forward.is_training or any(forward.modes.values()) else _active_operations(forward)
    return always_on[0].site if always_on and always_on[0].site.is_users else forward.site


def _functional(forward: Forward) -> list[Made]:
    """Functional dropout and batch norm within a call."""
    if forward.output is None:
        return []
    ops = (*_DROPOUTS, _ATTENTION, "batch_norm")
    return [made for made in forward.output.walk() if forward.at < made.at and made.op in ops]


def _active_operations(forward: Forward) -> list[Made]:
    """Those that did what they do in training."""
    return [made for made in _functional(forward) if _is_active(made)]


def _is_active(made: Made) -> bool:
    if made.op == "batch_norm":  # without running statistics it has no other way
        return made.argument(5, "training", False) is True and isinstance(made.argument(1, "running_mean"), Made)
    if made.op == _ATTENTION:
        rate = made.argument(4, "dropout_p", 0.0)
        return isinstance(rate, int | float) and rate > 0
    rate = made.argument(1, "p", 0.5)
    is_on = made.argument(2, "training", made.op not in _OFF_BY_DEFAULT) is True
    return is_on and isinstance(rate, int | float) and rate > 0


def _is_meant(facts: Facts, forward: Forward) -> bool:
    """An explicit .train() since the last training step is intent; not so one that only undoes an eval() elsewhere."""
    last_step = max((one.at for one in facts.backwards if one.at < forward.at), default=0)
    since = [one for one in facts.switches if last_step < one.at < forward.at]
    place = max((i for i, one in enumerate(since) if one.is_training), default=None)
    if place is None:
        return False
    code = since[place].site.code
    undoes = any(not one.is_training and one.site.code is code for one in since[:place])
    return not undoes or forward.site.code is code
