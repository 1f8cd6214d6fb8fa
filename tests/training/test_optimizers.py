"""Every optimizer against torch.optim, in all the ways in which its settings can come."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from firesteel.nets import Layout
from firesteel.nets.layer import Param, zeros
from firesteel.training import OPTIMIZERS, eigenbases, optimizers
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


def slope(weights, step, member=0):
    """The gradient of a bowl, with noise: every member and number has its own."""
    seed = step + 1000 * member
    noise = torch.randn(weights.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 0.5 * weights + noise


def slope_of_members(weights, step):
    """As `slope` gives it to each member on its own."""
    layout = Layout(PARAMS, len(weights) // 8)
    own = [slope(layout.pick(weights, [i]), step, member=i) for i in range(layout.k)]
    alone = [Layout(PARAMS, 1).blocks(grads) for grads in own]
    return torch.cat([torch.cat([blocks[param.name] for blocks in alone]).reshape(-1) for param in PARAMS])


def start(k):
    return torch.randn(k * 8, generator=torch.Generator().manual_seed(99), dtype=torch.float64)


def ours(word, told, lr, decay, slope=slope):
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


def alone_with_soap(weight, bias, member, lr, decay):
    """One member by the paper's algorithm 3, matrix by matrix, in NumPy; the bias as AdamW has it."""
    (rows, columns), (beta1, beta2) = weight.shape, BETAS
    outer = {"rows": np.zeros((rows, rows)), "columns": np.zeros((columns, columns))}
    axes = {"rows": np.eye(rows), "columns": np.eye(columns)}
    means, squares = [np.zeros_like(weight), np.zeros_like(bias)], [np.zeros_like(weight), np.zeros_like(bias)]
    for step in range(N_STEPS):
        flat = slope(torch.from_numpy(np.concatenate([weight.ravel(), bias.ravel()])), step, member=member).numpy()
        grads = [flat[: weight.size].reshape(weight.shape), flat[weight.size :].reshape(bias.shape)]
        turned = [axes["rows"].T @ grads[0] @ axes["columns"], grads[1]]
        means = [beta1 * mean + (1 - beta1) * grad for mean, grad in zip(means, grads, strict=True)]
        squares = [beta2 * square + (1 - beta2) * grad**2 for square, grad in zip(squares, turned, strict=True)]
        turned_means = [axes["rows"].T @ means[0] @ axes["columns"], means[1]]
        moves = [
            mean / (1 - beta1 ** (step + 1)) / (np.sqrt(square / (1 - beta2 ** (step + 1))) + 1e-8)
            for mean, square in zip(turned_means, squares, strict=True)
        ]
        moves[0] = axes["rows"] @ moves[0] @ axes["columns"].T
        rate = lr * factor(step)
        weight, bias = (old * (1 - rate * decay) - rate * move for old, move in zip((weight, bias), moves, strict=True))
        outer["rows"] = 0.95 * outer["rows"] + 0.05 * grads[0] @ grads[0].T
        outer["columns"] = 0.95 * outer["columns"] + 0.05 * grads[0].T @ grads[0]
        if step % 10 == 0:
            order = {side: np.argsort(-np.diag(axes[side].T @ outer[side] @ axes[side])) for side in axes}
            squares[0] = squares[0][order["rows"]][:, order["columns"]]
            floor = {side: eigenbases.RIDGE * np.trace(outer[side]) / len(outer[side]) for side in axes}
            shifted = {side: outer[side] + floor[side] * np.eye(len(outer[side])) for side in axes}
            axes = {side: np.linalg.qr(shifted[side] @ axes[side][:, order[side]])[0] for side in axes}
    return np.concatenate([weight.ravel(), bias.ravel()])


@pytest.mark.parametrize("settings", SETTINGS)
def test_soap_goes_where_the_papers_algorithm_goes(settings):
    lr, decay = SETTINGS[settings]
    blocks = Layout(PARAMS, 3).blocks
    found = blocks(ours("soap", {"betas": BETAS}, lr, decay, slope=slope_of_members))
    begun = blocks(start(3))
    for i in range(3):
        expected = alone_with_soap(begun["a"][i].numpy(), begun["b"][i].numpy(), i, lr[i], decay[i])
        own = np.concatenate([found[name][i].numpy().ravel() for name in ("a", "b")])
        np.testing.assert_allclose(own, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("word", "is_there"), [("adam", False), ("soap", True)])
def test_soap_gets_through_a_valley_in_which_adam_creeps(word, is_there):
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    curvature = turn @ torch.diag(10.0 ** torch.linspace(0, -2, 6, dtype=torch.float64)) @ turn.T
    buffers = Buffers(
        torch.ones(36, dtype=torch.float64),
        torch.zeros(36, dtype=torch.float64),
        Layout((Param("a", (6, 6), zeros),), 1),
    )
    optimizer = OPTIMIZERS[word](buffers, (0.1,), (0.0,), betas=BETAS)
    weights = buffers.weights.view(6, 6)
    for step in range(600):
        buffers.grads.copy_((curvature @ weights @ curvature).view(-1))
        optimizer.step(0.5 * (1 + math.cos(math.pi * step / 600)))
    assert (float((weights * (curvature @ weights @ curvature)).sum()) < 1e-10) == is_there


def test_a_long_side_keeps_its_own_axes(monkeypatch):
    monkeypatch.setattr(eigenbases, "N_SIDE_MAX", 2)
    buffers = Buffers(torch.ones(8), torch.zeros(8), Layout(PARAMS, 1))
    memory = OPTIMIZERS["soap"](buffers, (0.1,), (0.0,)).memory
    assert {name for name in memory if name.startswith("axes.")} == {"axes.columns.a"}


def test_a_kernel_is_turned_as_channels_by_all_else():
    layout = Layout((Param("kernel", (4, 3, 3, 2), zeros), Param("bias", (1, 4), zeros)), 2)
    buffers = Buffers(torch.ones(layout.n_numbers), torch.zeros(layout.n_numbers), layout)
    memory = OPTIMIZERS["soap"](buffers, (0.1, 0.1), (0.0, 0.0)).memory
    sizes = {name: tuple(tensor.shape) for name, tensor in memory.items() if name.startswith("axes.")}
    assert sizes == {"axes.rows.kernel": (2, 4, 4), "axes.columns.kernel": (2, 18, 18)}


def test_a_gradient_that_is_no_number_stays_with_its_member():
    found = []
    for bad in (float("nan"), 1.0):
        buffers = Buffers(torch.ones(16), torch.zeros(16), Layout(PARAMS, 2))
        optimizer = OPTIMIZERS["soap"](buffers, (0.1, 0.1), (0.0, 0.0))
        for step in range(15):
            buffers.grads.copy_(slope(buffers.weights.double(), step))
            buffers.layout.blocks(buffers.grads)["a"][1] *= bad
            optimizer.step(1.0)
        found.append(buffers.layout.pick(buffers.weights, [0]))
    assert torch.equal(*found)


def test_sign_leaves_a_weight_without_slope_alone():
    buffers = Buffers(torch.ones(8), torch.zeros(8), Layout(PARAMS, 1))
    OPTIMIZERS["sign"](buffers, (0.1,), (0.0,)).step(1.0)
    assert torch.equal(buffers.weights, torch.ones(8))


def test_the_private_kernels_that_make_adam_quick_are_there():
    assert optimizers.FUSED_ADAM is not None
    assert optimizers.FUSED_ADAMW is not None


def test_every_optimizer_has_its_referee():
    assert {word for word, *_ in CASES.values()} | {"sign", "soap"} == set(OPTIMIZERS)
