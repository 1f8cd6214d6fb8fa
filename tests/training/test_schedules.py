"""Every schedule against torch.optim.lr_scheduler, for runs of any length."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim import lr_scheduler

from firesteel.training import SCHEDULES

LENGTHS = (1, 2, 3, 4, 7, 10, 101)
REFEREES = {
    "constant": lambda optimizer, n: lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=n),
    "cosine": lambda optimizer, n: lr_scheduler.CosineAnnealingLR(optimizer, T_max=n),
    "one_cycle": lambda optimizer, n: lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=n, cycle_momentum=False
    ),
    "step": lambda optimizer, n: lr_scheduler.MultiStepLR(optimizer, [math.ceil(n / 2), math.ceil(n * 3 / 4)]),
}


@pytest.mark.parametrize("n_steps", LENGTHS)
@pytest.mark.parametrize("word", SCHEDULES)
def test_a_schedule_gives_torchs_lr_at_every_step(word, n_steps):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    referee = REFEREES[word](optimizer, n_steps)
    for step in range(n_steps):
        assert SCHEDULES[word](step, n_steps) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        if step < n_steps - 1:
            referee.step()


@pytest.mark.parametrize("word", SCHEDULES)
def test_a_schedule_stays_between_0_and_1_and_lets_lr_work(word):
    factors = [SCHEDULES[word](step, 200) for step in range(200)]
    assert all(0 < factor <= 1 for factor in factors)
    assert max(factors) > 0.99
