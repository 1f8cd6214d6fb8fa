"""Every optimizer against torch.optim, in all the ways in which its settings can come."""

from __future__ import annotations

import pytest
import torch

from firesteel.nets import Layout
from firesteel.nets.layer import Param, zeros
from firesteel.training import OPTIMIZERS, optimizers
from firesteel.training.optimizers import Buffers

N_STEPS = 100
PARAMS = (Param("a", (3, 2), zeros), Param("b", (1, 2), zeros))
BETAS = (0.9, 0.95)

# word, what ours is told, torch's own, what it is told
CASES = {
    "sgd": ("sgd", {}, torch.optim.SGD, {}),
    "sgd with momentum": ("sgd", {"momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
    "sgd with nesterov": (
        "sgd",
        {"momentum": 0.9, "nesterov": True},
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True},
    ),
    "adam": ("adam", {"betas": BETAS}, torch.optim.Adam, {"betas": BETAS}),
    "adamw": ("adamw", {"betas": BETAS}, torch.optim.AdamW, {"betas": BETAS}),
    "rmsprop": ("rmsprop", {}, torch.optim.RMSprop, {}),
    "rmsprop with momentum": ("rmsprop", {"momentum": 0.8}, torch.optim.RMSprop, {"momentum": 0.8}),
}
SETTINGS = {
    "shared": ((0.02, 0.02, 0.02), (0.0, 0.0, 0.0)),
    "shared with decay": ((0.02, 0.02, 0.02), (0.1, 0.1, 0.1)),
    "lr per member": ((0.02, 0.001, 0.05), (0.1, 0.1, 0.1)),
    "decay per member": ((0.02, 0.02, 0.02), (0.1, 0.0, 0.3)),
    "both per member": ((0.02, 0.001, 0.05), (0.1, 0.0, 0.3)),
}


def factor(step):
    """A schedule that goes up and down."""
    return 0.2 + 0.8 * ((step % 7) / 7)


def slope(weights, step):
    """The gradient of a bowl, with noise: every member and number has its own."""
    noise = torch.randn(weights.shape, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return 0.5 * weights + noise


def start(k):
    return torch.randn(k * 8, generator=torch.Generator().manual_seed(99), dtype=torch.float64)


def ours(word, told, lr, decay):
    """The weights of each member after all steps, `(k, 8)`."""
    layout = Layout(PARAMS, len(lr))
    buffers = Buffers(start(len(lr)), torch.zeros(layout.n_numbers, dtype=torch.float64), layout)
    optimizer = OPTIMIZERS[word](buffers, lr, decay, **told)
    for step in range(N_STEPS):
        buffers.grads.copy_(slope(buffers.weights, step))
        optimizer.step(factor(step))
    return buffers.weights


def theirs(kind, told, lr, decay):
    """Each member trained on its own by torch.optim, in the layout of ours."""
    layout = Layout(PARAMS, len(lr))
    weights = start(len(lr))
    members = [[block[i].clone() for block in layout.blocks(weights).values()] for i in range(len(lr))]
    each = [kind(parts, lr=lr[i], weight_decay=decay[i], **told) for i, parts in enumerate(members)]
    for step in range(N_STEPS):
        gathered = [torch.stack(block).reshape(-1) for block in zip(*members, strict=True)]
        grads = layout.blocks(slope(torch.cat(gathered), step))
        for i, optimizer in enumerate(each):
            for part, grad in zip(members[i], grads.values(), strict=True):
                part.grad = grad[i]
            optimizer.param_groups[0]["lr"] = lr[i] * factor(step)
            optimizer.step()
    return torch.cat([torch.stack(block).reshape(-1) for block in zip(*members, strict=True)])


@pytest.mark.parametrize("has_fused", [True, False], ids=["fused", "formula"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_goes_where_torchs_goes(name, settings, has_fused, monkeypatch):
    if not has_fused:
        monkeypatch.setattr(optimizers, "FUSED_ADAM", None)
        monkeypatch.setattr(optimizers, "FUSED_ADAMW", None)
    word, told, kind, told_torch = CASES[name]
    lr, decay = SETTINGS[settings]
    torch.testing.assert_close(ours(word, told, lr, decay), theirs(kind, told_torch, lr, decay), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("settings", SETTINGS)
def test_sign_steps_by_lr_alone(settings):
    lr, decay = (torch.tensor(values, dtype=torch.float64) for values in SETTINGS[settings])
    layout = Layout(PARAMS, 3)
    weights, lr, decay = start(3), layout.per_number(lr), layout.per_number(decay)
    for step in range(N_STEPS):
        weights = weights - factor(step) * lr * torch.sign(slope(weights, step) + decay * weights)
    torch.testing.assert_close(ours("sign", {}, *SETTINGS[settings]), weights, rtol=1e-9, atol=1e-12)


def test_sign_leaves_a_weight_without_slope_alone():
    buffers = Buffers(torch.ones(8), torch.zeros(8), Layout(PARAMS, 1))
    OPTIMIZERS["sign"](buffers, (0.1,), (0.0,)).step(1.0)
    assert torch.equal(buffers.weights, torch.ones(8))


def test_the_private_kernels_that_make_adam_quick_are_there():
    assert optimizers.FUSED_ADAM is not None
    assert optimizers.FUSED_ADAMW is not None


def test_every_optimizer_has_its_referee():
    assert {word for word, *_ in CASES.values()} | {"sign"} == set(OPTIMIZERS)
