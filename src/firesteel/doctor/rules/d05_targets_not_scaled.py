"""D05: targets not scaled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import site_of_data
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import Trouble, targets_off_scale, trouble_of
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class TargetsNotScaled(Rule):
    id: ClassVar[str] = "D05"
    title: ClassVar[str] = "targets not scaled"
    level: ClassVar[Level] = "W"
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "A net begins with outputs near 0. Targets in thousands are so far away that it spends all its steps on "
        "reaching their mean, or the huge errors throw it off; the inputs hardly count."
    )
    detected: ClassVar[str] = (
        "The targets of a regression are tens and more in size, the training ends near the best constant answer, and "
        "so does its replay on copies, while the same replay with targets of mean 0 and standard deviation 1 ends far "
        "lower (each measured against its own best constant answer)."
    )
    silent: ClassVar[str] = "Regressions that learn although their targets are large; classes; targets of small size."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(320, 4)
y = 300000 + 40000 * x[:, :1] - 25000 * x[:, 1:2]
net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    for rows in torch.randperm(320).split(32):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net = nn", "y = (y - y.mean()) / y.std()\nnet = nn")

    def judge(self, case: Case) -> Iterable[Finding]:
        if not case.probes:
            raise NotApplicable("replays were not wanted, or their time was spent")
        try:
            if targets_off_scale(replays_of(case.facts)) is None:
                return
            trouble = trouble_of(case.facts)
        except CannotReplay as reason:
            raise NotApplicable(f"nothing was replayed: {reason}") from None
        if trouble is not None and trouble.cure is not None and trouble.cure.scales_targets:
            yield self._describe(trouble)

    def _describe(self, trouble: Trouble) -> Finding:
        scale = targets_off_scale(trouble.replays)
        assert scale is not None
        assert trouble.cured is not None
        question = trouble.replays.questions()[0][1]
        shares = f"{trouble.control.relative:.2f} and {trouble.cured.relative:.2f} of what a constant answer costs"
        return self.finding(
            site_of_data(question.target, question.made.site),
            message=f"the targets are not scaled: numbers of the size {scale.largest:.3g}",
            evidence=f"{trouble.says_run()}; {trouble.says()} (targets standardised; {shares})",
            why="a net begins with outputs near 0 and spends its steps on reaching the mean of the targets",
            fix="train on targets of mean 0 and standard deviation 1, and turn predictions back:\n"
            "     + mean, std = y_train.mean(), y_train.std()\n"
            "     + y_train = (y_train - mean) / std     # and: prediction * std + mean",
        )
