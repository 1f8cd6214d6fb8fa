"""A run that jumps to and fro at its end says so; one that comes to rest does not."""

from __future__ import annotations

import numpy as np
import pytest

from firesteel.training import Run


def run_of(losses, *, has_constant_lr=True):
    curve = tuple((float(loss),) for loss in losses)
    return Run(curve, curve, (1,), (float(losses[0]),), "all epochs", len(losses), 1.0, has_constant_lr)


@pytest.mark.parametrize(
    ("losses", "is_restless"),
    [
        (np.tile([0.01, 0.02], 50), True),
        (np.exp(-np.arange(100) / 10), False),
        (1 + 0.001 * np.tile([0, 1], 50), False),
        (np.tile([0.01, 0.02], 10), False),  # too few epochs to tell
        (np.append(np.tile([0.01, 0.02], 49), [np.inf, np.inf]), False),
        (np.zeros(100), False),
        (np.append(1.0, np.tile([1e-14, 2e-14], 50)), False),
    ],
    ids=["to and fro", "falling", "a tremble", "short", "diverged", "exact", "rounding"],
)
def test_restless_is_what_jumps_by_a_tenth_each_time(losses, is_restless):
    assert run_of(losses).is_restless == is_restless
    assert any("did not settle" in said for said in run_of(losses).notices) == is_restless


def test_a_run_whose_lr_falls_by_itself_is_not_told_to_let_it_fall():
    assert not run_of(np.tile([0.01, 0.02], 50), has_constant_lr=False).is_restless
