"""All rules over what was seen."""

from __future__ import annotations

SAME = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(200, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=16)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for i in range(40):
    xb, yb = next(iter(loader))
    optimizer.zero_grad()
    nn.functional.mse_loss(net(xb), yb).backward()
    optimizer.step()
"""


def test_what_follows_from_a_cause_on_the_same_line_is_a_note(diagnose):
    found = diagnose(SAME, only=["O11", "S05"]).findings
    assert [(one.rule, one.level, one.line) for one in found] == [("O11", "W", 11), ("S05", "N", 11)]
    assert found[1].why.endswith("it follows from O11")
    assert [one.level for one in diagnose(SAME, only=["S05"]).findings] == ["E"]
