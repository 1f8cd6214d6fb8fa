"""Clipping at the wrong place, and loss scaling."""

from __future__ import annotations

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
"""

PLAIN = """
for _ in range(5):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    clip_grad_norm_(net.parameters(), max_norm=1.0)
    optimizer.step()
"""
LATE = PLAIN.replace("    optimizer.step()\n", "").replace("    clip", "    optimizer.step()\n    clip")
EARLY = PLAIN.replace("    clip_grad_norm_(net.parameters(), max_norm=1.0)\n", "").replace(
    "    loss =", "    clip_grad_norm_(net.parameters(), 0.5)\n    loss ="
)
BY_HAND = LATE.replace(
    "clip_grad_norm_(net.parameters(), max_norm=1.0)", "for p in net.parameters(): p.grad.data.clamp_(-1, 1)"
)
CLOSURE = """
optimizer = torch.optim.LBFGS(net.parameters(), max_iter=3)
def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss.backward()
    clip_grad_norm_(net.parameters(), 1.0)
    return loss
for _ in range(4):
    optimizer.step(closure)
"""
GIVEN = """
for _ in range(4):
    loss = F.mse_loss(net(x), y)
    for p, g in zip(net.parameters(), torch.autograd.grad(loss, net.parameters())):
        p.grad = g
    clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
"""

SCALED = """
scaler = torch.amp.GradScaler("cpu")
for _ in range(5):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    clip_grad_norm_(net.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LATE, "clip_grad_norm_(net.parameters(), max_norm=1.0)"),
        (EARLY, "clip_grad_norm_(net.parameters(), 0.5)"),
        (EARLY.replace("zero_grad()", "zero_grad(set_to_none=False)"), "clip_grad_norm_(net.parameters(), 0.5)"),
        (
            LATE.replace("clip_grad_norm_(net.parameters(), max_norm=1.0)", "clip_grad_value_(net.parameters(), 1.0)"),
            "clip_grad_value_",
        ),
        (BY_HAND, "p.grad.data.clamp_(-1, 1)"),
        (SCALED.replace("    scaler.unscale_(optimizer)\n", ""), "clip_grad_norm_(net.parameters(), 1.0)"),
        (
            SCALED.replace("    scaler.unscale_(optimizer)\n    clip_grad_norm_(net.parameters(), 1.0)\n", "").replace(
                "scaler.step(optimizer)\n    scaler.update()", "optimizer.step()"
            ),
            "optimizer.step()",
        ),
        (
            SCALED.replace("scaler.scale(loss).backward()", "scaled = scaler.scale(loss)\n    loss.backward()"),
            "loss.backward()",
        ),
    ],
)
def test_the_line_is_named(diagnose, assert_found, text, line):
    assert_found(diagnose(HEAD + text, only=["O10"]), "O10", line)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        LATE.replace("max_norm=1.0", "float('inf')"),
        CLOSURE,
        GIVEN,
        SCALED,
        SCALED.replace("scaler.scale(loss).backward()", "(scaler.scale(loss) / 2).backward()"),
        SCALED.replace("scaler.scale(loss).backward()", "total = scaler.scale(loss) / 2\n    total.backward()"),
        SCALED.replace(
            "    clip_grad_norm_(net.parameters(), 1.0)\n    scaler.step(optimizer)\n", "    optimizer.step()\n"
        ),
        BY_HAND.replace("    optimizer.step()\n", "") + "    optimizer.step()\n",
    ],
)
def test_healthy_loops_are_passed(diagnose, assert_outcome, text):
    assert_outcome(diagnose(HEAD + text, only=["O10"]), "O10", "passed")


def test_without_clipping_there_is_nothing_to_look_at(diagnose, assert_outcome):
    text = HEAD + PLAIN.replace("    clip_grad_norm_(net.parameters(), max_norm=1.0)\n", "")
    assert_outcome(diagnose(text, only=["O10"]), "O10", "not applicable")
