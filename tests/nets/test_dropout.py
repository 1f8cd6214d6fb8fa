"""Dropout: masks at each member's own rate, from each member's own seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.errors import NetError
from firesteel.nets.dropout import Dropout, Dropout2d
from firesteel.nets.layer import Context, Slot

CPU = torch.device("cpu")
N_ROWS, D = 400, 25


def bound(rates, *, seeds, p=0.5, is_training=True, dtype=torch.float64):
    context = Context(is_training, None, rates, tuple(np.random.PCG64(seed) for seed in seeds))
    return Dropout(p).bind(Slot(len(seeds), N_ROWS, D, True, {}, {}, {}, context, dtype, CPU))


def test_each_member_drops_its_share_and_the_rest_grows():
    rates = (0.1, 0.0, 0.6)
    y = bound(rates, seeds=(1, 2, 3)).forward(torch.ones(3, N_ROWS, D, dtype=torch.float64))
    for member, rate in zip(y, rates, strict=True):
        assert set(member.unique().tolist()) <= {0.0, 1 / (1 - rate)}
        assert (member == 0).double().mean().item() == pytest.approx(rate, abs=4 * (0.25 / (N_ROWS * D)) ** 0.5)
    assert (y[1] == 1).all()


def test_a_mask_is_what_a_plain_script_draws():
    y = bound((0.3,), seeds=(9,)).forward(torch.ones(N_ROWS, D, dtype=torch.float64))
    words = np.random.PCG64(9).random_raw(N_ROWS * D // 4).view(np.int16).reshape(N_ROWS, D)
    np.testing.assert_array_equal(y != 0, words >= round(0.3 * 2**16) - 2**15)


def test_every_step_draws_another_mask():
    step = bound((0.3,), seeds=(9,))
    x = torch.ones(N_ROWS, D, dtype=torch.float64)
    first = step.forward(x).clone()
    assert not torch.equal(step.forward(x), first)


def test_the_gradient_passes_where_the_values_passed():
    step = bound((0.3, 0.6), seeds=(1, 2))
    x = torch.randn(2, N_ROWS, D, dtype=torch.float64)
    y = step.forward(x).clone()
    dy = torch.randn(2, N_ROWS, D, dtype=torch.float64)
    torch.testing.assert_close(step.backward(dy.clone()) * x, dy * y)


def test_outside_training_everything_passes_unchanged():
    x = torch.randn(N_ROWS, D, dtype=torch.float64)
    assert torch.equal(bound((0.9,), seeds=(1,), is_training=False).forward(x), x)


def test_without_rates_of_the_members_the_layers_own_counts():
    y = bound(None, seeds=(1, 2), p=0.25).forward(torch.ones(2, N_ROWS, D, dtype=torch.float64))
    assert set(y.unique().tolist()) == {0.0, 1 / 0.75}


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_a_rate_that_leaves_nothing_is_refused(p):
    with pytest.raises(NetError, match="a share from 0 to below 1"):
        Dropout(p).d_out(D)


def test_the_highest_rate_drops_all_but_overflows_nothing():
    y = bound((0.999999,), seeds=(1,)).forward(torch.ones(N_ROWS, D, dtype=torch.float64))
    assert torch.isfinite(y).all()


MAPS = (3, 4, 50)


def channels_after_dropout(p, *, is_training=True):
    """What Dropout2d leaves of ones: `(rows, places, channels)`."""
    context = Context(is_training=is_training, generators=(np.random.PCG64(0),))
    d_in = MAPS[0] * MAPS[1] * MAPS[2]
    slot = Slot(1, 40, d_in, True, {}, {}, {}, context, torch.float64, torch.device("cpu"))
    step = Dropout2d(MAPS, p).bind(slot)
    y = step.forward(torch.ones(40, d_in, dtype=torch.float64))
    return step, y.view(40, -1, MAPS[2])


def test_dropout2d_drops_whole_channels_and_keeps_the_mean():
    _, kept = channels_after_dropout(0.25)
    assert (kept == kept[:, :1]).all()  # all places of a channel alike
    assert set(kept.unique().tolist()) == {0.0, 1 / 0.75}
    assert float(kept.mean()) == pytest.approx(1, abs=0.05)


def test_dropout2d_sends_back_through_what_it_kept():
    step, kept = channels_after_dropout(0.25)
    dy = torch.ones(40, kept[0].numel(), dtype=torch.float64)
    assert torch.equal(step.backward(dy).view(kept.shape), kept)


def test_dropout2d_passes_everything_on_outside_training():
    _, kept = channels_after_dropout(0.25, is_training=False)
    assert (kept == 1).all()
