"""D04: inputs not scaled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.places import site_of_data, site_of_forward
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import Trouble, inputs_off_scale, trouble_of
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: An error where run and replay both end with so much of what the best constant answer costs.
FAILED = 0.8


class InputsNotScaled(Rule):
    id: ClassVar[str] = "D04"
    title: ClassVar[str] = "inputs not scaled"
    level: ClassVar[Level] = "E"
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "Columns in hundreds or thousands (income, a year, 0..255 pixels) beside small ones drown the others, make the"
        " first outputs huge and the gradients wild: the net learns little or nothing."
    )
    detected: ClassVar[str] = (
        "The data to which the first weights are applied have columns of tens and more (or only tiny ones), the "
        "training ends near the best constant answer, and its replay on copies does so too, while the same replay with"
        " each column brought to mean 0 and standard deviation 1 ends far lower, on rows that were not trained on."
    )
    silent: ClassVar[str] = (
        "Nets that learn although their inputs are large; ids that go into an embedding; inputs that a batch norm "
        "scales."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
z = torch.randn(320, 3)
y = (z[:, 0] + z[:, 1] - z[:, 2] > 0).long()
table = z * torch.tensor([12.0, 15000.0, 0.5]) + torch.tensor([45.0, 52000.0, 3.0])
x = torch.tensor(table.tolist())
net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    for rows in torch.randperm(320).split(32):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("table.tolist())", "table.tolist())\nx = (x - x.mean(0)) / x.std(0)")

    def judge(self, case: Case) -> Iterable[Finding]:
        if not case.probes:
            raise NotApplicable("replays were not wanted, or their time was spent")
        try:
            if inputs_off_scale(replays_of(case.facts)) is None:
                return
            trouble = trouble_of(case.facts)
        except CannotReplay as reason:
            raise NotApplicable(f"nothing was replayed: {reason}") from None
        if trouble is not None and trouble.cure is not None and trouble.cure.scales_inputs:
            yield self._describe(case, trouble)

    def _describe(self, case: Case, trouble: Trouble) -> Finding:
        scale = inputs_off_scale(trouble.replays)
        assert scale is not None
        both = trouble.cure is not None and trouble.cure.scales_targets
        made = trouble.replays.inputs()[0][0]
        has_failed = min(trouble.relative, trouble.control.relative) >= FAILED
        sizes = f"sizes between {scale.smallest:.3g} and {scale.largest:.3g}"
        return self.finding(
            site_of_data(made, site_of_forward(case.facts, trouble.training.place)),
            level="E" if has_failed else "W",
            message=f"the inputs are not scaled: {scale.n_columns} columns have {sizes}",
            evidence=f"{trouble.says_run()}; {trouble.says()} (inputs {'and targets ' if both else ''}standardised)",
            why="large columns drown the others and make outputs and gradients wild",
            fix="bring each column to mean 0 and standard deviation 1, with the numbers of the training rows:\n"
            "     + mean, std = x_train.mean(0), x_train.std(0)\n"
            "     + x_train, x_test = (x_train - mean) / std, (x_test - mean) / std",
        )
