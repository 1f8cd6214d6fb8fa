"""Every loss against torch's own, and its gradient against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from firesteel.nets import LOSSES, smoothed

N_ROWS, N_CLASSES = 11, 4
D_OUT = {"cross_entropy": N_CLASSES, "binary_cross_entropy": 1, "mse": 1, "mae": 1, "huber": 1}
REFEREES = {
    "cross_entropy": functional.cross_entropy,
    "binary_cross_entropy": lambda z, y, **how: functional.binary_cross_entropy_with_logits(z[:, 0], y.double(), **how),
    "mse": lambda z, y, **how: functional.mse_loss(z[:, 0], y, **how),
    "mae": lambda z, y, **how: functional.l1_loss(z[:, 0], y, **how),
    "huber": lambda z, y, **how: functional.huber_loss(z[:, 0], y, **how),
}

each_loss = pytest.mark.parametrize("word", LOSSES)
each_k = pytest.mark.parametrize("k", [1, 3])


def answers(word, k):
    """Logits or predictions `(*k, n_rows, d_out)`, some of them large."""
    shape = (*((k,) if k > 1 else ()), N_ROWS, D_OUT[word])
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(k), dtype=torch.float64)


def targets(word):
    generator = torch.Generator().manual_seed(7)
    if word == "cross_entropy":
        return torch.randint(0, N_CLASSES, (N_ROWS,), generator=generator)
    if word == "binary_cross_entropy":
        return torch.randint(0, 2, (N_ROWS,), generator=generator)
    return torch.randn(N_ROWS, generator=generator, dtype=torch.float64)


@each_k
@each_loss
def test_the_loss_of_each_row_is_torchs(word, k):
    loss, z, y = LOSSES[word](D_OUT[word]), answers(word, k), targets(word)
    members = z if k > 1 else z.unsqueeze(0)
    expected = torch.stack([REFEREES[word](member, y, reduction="none") for member in members])
    torch.testing.assert_close(loss.rows(members, y), expected)
    own = y.expand(k, -1)  # rows of its own for every member
    torch.testing.assert_close(loss.rows(members, own), expected)


@pytest.mark.parametrize("is_weighted", [False, True])
@each_k
@each_loss
def test_the_gradient_is_that_of_autograd(word, k, is_weighted):
    loss, y = LOSSES[word](D_OUT[word]), targets(word)
    z = answers(word, k).requires_grad_()
    share = torch.rand(*z.shape[:-1], 1, dtype=torch.float64) if is_weighted else 1 / N_ROWS
    rows = loss.rows(z if k > 1 else z.unsqueeze(0), y).view(z.shape[:-1])
    (rows * (share.squeeze(-1) if is_weighted else share)).sum().backward()
    found = loss.gradient(z.detach(), loss.spread(y).double(), share, torch.empty_like(z))
    torch.testing.assert_close(found, z.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_label_smoothing_is_torchs(smoothing):
    loss, y = LOSSES["cross_entropy"](N_CLASSES), targets("cross_entropy")
    z = answers("cross_entropy", 1).requires_grad_()
    nn.CrossEntropyLoss(label_smoothing=smoothing)(z, y).backward()
    t = smoothed(loss.spread(y).double(), smoothing, n_classes=N_CLASSES)
    found = loss.gradient(z.detach(), t, 1 / N_ROWS, torch.empty_like(z))
    torch.testing.assert_close(found, z.grad, rtol=1e-9, atol=1e-12)


def test_label_smoothing_of_a_single_logit_is_that_of_two_classes():
    y, z = targets("binary_cross_entropy"), answers("binary_cross_entropy", 1)
    both = torch.cat([torch.zeros_like(z), z], dim=1).requires_grad_()
    nn.CrossEntropyLoss(label_smoothing=0.2)(both, y).backward()
    loss = LOSSES["binary_cross_entropy"](1)
    t = smoothed(loss.spread(y).double(), 0.2, n_classes=2)
    found = loss.gradient(z, t, 1 / N_ROWS, torch.empty_like(z))
    torch.testing.assert_close(found[:, 0], both.grad[:, 1], rtol=1e-9, atol=1e-12)


def test_every_member_can_smooth_by_its_own_share():
    loss, y = LOSSES["cross_entropy"](N_CLASSES), targets("cross_entropy")
    shares = (0.0, 0.1, 0.3)
    t = smoothed(loss.spread(y).double(), torch.tensor(shares, dtype=torch.float64).view(-1, 1, 1), n_classes=N_CLASSES)
    for member, share in zip(t, shares, strict=True):
        torch.testing.assert_close(member, smoothed(loss.spread(y).double(), share, n_classes=N_CLASSES))
    torch.testing.assert_close(t.sum(-1), torch.ones(3, N_ROWS, dtype=torch.float64))


@each_loss
def test_large_answers_keep_loss_and_gradient_finite(word):
    loss, y = LOSSES[word](D_OUT[word]), targets(word)
    z = torch.full((1, N_ROWS, D_OUT[word]), 1e4, dtype=torch.float32)
    z[..., 0] = -1e4
    y = y if y.dtype == torch.int64 else y.float()
    assert torch.isfinite(loss.rows(z, y)).all()
    assert torch.isfinite(loss.gradient(z[0], loss.spread(y).float(), 1 / N_ROWS, torch.empty_like(z[0]))).all()


def test_every_loss_has_its_referee():
    assert set(REFEREES) == set(LOSSES)
