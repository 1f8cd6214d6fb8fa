"""Schedules that are never stepped, or in the wrong rhythm."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
from torch.optim import lr_scheduler
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
x = torch.randn(80, 3)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
EPOCHS = 6
"""

LOOP = """
def train(sched):
    for epoch in range(EPOCHS):
        for xb, yb in loader:
            optimizer.zero_grad()
            F.mse_loss(net(xb), yb).backward()
            optimizer.step()
            sched.step()
"""
PER_BATCH = HEAD + LOOP
PER_EPOCH = HEAD + LOOP.replace("            sched.step()", "        sched.step()")

MANUAL = """
sched = lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
for epoch in range(EPOCHS):
    order = torch.randperm(80)
    for i in range(0, 80, 8):
        rows = order[i:i + 8]
        optimizer.zero_grad()
        F.mse_loss(net(x[rows]), y[rows]).backward()
        optimizer.step()
        sched.step()
"""

PLATEAU = """
EPOCHS = 15
sched = lr_scheduler.ReduceLROnPlateau(optimizer, MODEpatience=1)
for epoch in range(EPOCHS):
    for xb, yb in loader:
        optimizer.zero_grad()
        F.mse_loss(net(xb), yb).backward()
        optimizer.step()
    with torch.no_grad():
        sched.step(METRIC)
"""
ACCURACY = PLATEAU.replace("METRIC", "((net(x) > 0) == (y > 0)).float().mean() * min(1.0, 0.5 + epoch / 20)")
BREAKS = PER_EPOCH.replace("        sched.step()", "        sched.step()\n        if epoch == 4:\n            break")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            HEAD + LOOP.replace("            sched.step()\n", "") + "s = lr_scheduler.StepLR(optimizer, 2)\ntrain(s)",
            "s = lr_scheduler",
        ),
        (PER_BATCH + "train(lr_scheduler.ExponentialLR(optimizer, 0.7))", "sched.step()"),
        (PER_BATCH + "train(lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5))", "sched.step()"),
        (PER_BATCH + "train(lr_scheduler.MultiStepLR(optimizer, milestones=[3, 5]))", "sched.step()"),
        (PER_BATCH + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS))", "sched.step()"),
        (HEAD + MANUAL, "sched.step()"),
        (
            PER_EPOCH + "train(lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=EPOCHS, steps_per_epoch=len(loader)))",
            "sched.step()",
        ),
        (PER_EPOCH + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS * len(loader)))", "sched.step()"),
        (BREAKS + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=5 * len(loader)))", "sched.step()"),
        (
            PER_EPOCH
            + "s = lr_scheduler.StepLR(optimizer, 2)\noptimizer = torch.optim.Adam(net.parameters())\ntrain(s)",
            "s = lr",
        ),
        (HEAD + ACCURACY.replace("MODE", ""), "sched = lr_scheduler.ReduceLROnPlateau"),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(text, only=["O09"]), "O09", line)


WARM_THEN_COSINE = """
warm = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=2)
train(lr_scheduler.SequentialLR(optimizer, [warm, lr_scheduler.CosineAnnealingLR(optimizer, 4)], [2]))
"""


@pytest.mark.parametrize(
    "text",
    [
        PER_EPOCH + "train(lr_scheduler.StepLR(optimizer, step_size=2))",
        PER_EPOCH + "train(lr_scheduler.StepLR(optimizer, step_size=30))",
        PER_EPOCH + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS))",
        PER_EPOCH + WARM_THEN_COSINE,
        PER_BATCH + "train(lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=60))",
        PER_BATCH + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=60))",
        PER_BATCH + "train(lr_scheduler.ExponentialLR(optimizer, 0.98))",
        PER_BATCH + "train(lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5))",
        PER_BATCH + "train(lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.95))",
        BREAKS + "train(lr_scheduler.CosineAnnealingLR(optimizer, T_max=50))",
        HEAD + ACCURACY.replace("MODE", "mode='max', "),
        HEAD + PLATEAU.replace("METRIC", "F.mse_loss(net(x), y)").replace("MODE", ""),
    ],
)
def test_healthy_schedules_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(text, only=["O09"]), "O09", "passed")


def test_without_a_schedule_there_is_nothing_to_look_at(diagnose, assert_outcome):
    assert_outcome(diagnose(HEAD, only=["O09"]), "O09", "not applicable")
