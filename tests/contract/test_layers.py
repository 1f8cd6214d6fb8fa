"""Every registered layer: its step, its torch module, autograd and its NumPy lines say the same."""

import math

import numpy as np
import pytest
import torch

from firesteel.nets import Layer, Layout
from firesteel.nets.activations import ACTIVATIONS, GELU, Identity, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from firesteel.nets.columns import Impute, MissingFlag, OneHot, RobustScale, Scale
from firesteel.nets.containers import Sequential
from firesteel.nets.conv import Conv2d
from firesteel.nets.dropout import Dropout, Dropout2d
from firesteel.nets.embeddings import Embedding, Periodic
from firesteel.nets.layer import Context, Slot, layer_from_dict
from firesteel.nets.linear import Linear
from firesteel.nets.map_norms import BatchNorm2d
from firesteel.nets.maps import as_maps, as_rows
from firesteel.nets.norms import BatchNorm1d, LayerNorm
from firesteel.nets.pixels import Augment, Pixels
from firesteel.nets.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d
from firesteel.nets.residual import Residual

N_ROWS, D_IN = 7, 5
MAPS = (6, 5, 2)  # height, width, channels
PIXELS = Pixels(MAPS)
AUGMENT = Augment(MAPS, shift=0.1, rotate=10.0)  # learns nothing and has no gradient: tests/nets/test_pixels.py
CONV = Conv2d(MAPS, (3, 3), (1, 1), (1, 1), 2, has_bias=False)
TRAINED = [
    Conv2d(MAPS, (3, 3), (1, 1), (1, 1), 4),
    Conv2d(MAPS, (2, 3), (2, 1), (0, 2), 3, has_bias=False),
    Conv2d(MAPS, (1, 1), (2, 2), (0, 0), 1),
    MaxPool2d(MAPS, (2, 2), (2, 2), (0, 0)),
    MaxPool2d(MAPS, (3, 2), (1, 2), (1, 1)),
    AvgPool2d(MAPS, (2, 2), (2, 2), (0, 0)),
    AvgPool2d(MAPS, (3, 3), (2, 1), (1, 1)),
    GlobalAvgPool2d(MAPS),
    BatchNorm2d(MAPS),
    Dropout2d(MAPS, 0.0),
    Flatten(MAPS),
    Residual(Sequential((CONV, BatchNorm2d(MAPS), ReLU()))),
    Residual(Sequential((CONV,)), Sequential((Conv2d(MAPS, (1, 1), (1, 1), (0, 0), 2), BatchNorm2d(MAPS)))),
    Sequential((CONV, ReLU(), MaxPool2d(MAPS, (2, 2), (2, 2), (0, 0)), Flatten((3, 2, 2)), Linear(3))),
    Linear(4),
    Linear(4, has_bias=False),
    Identity(),
    ReLU(),
    LeakyReLU(0.1),
    Sigmoid(),
    Tanh(),
    GELU(),
    SiLU(),
    Dropout(0.0),
    BatchNorm1d(),
    LayerNorm(),
    Periodic(n_frequencies=3, width=3),
    Sequential((Linear(4), Tanh(), LayerNorm(), Linear(3))),
]
CODES = [Embedding(columns=(0, 2), n_levels=(4, 3), width=2)]
FIXED = [Impute(), MissingFlag(columns=(1, 3)), RobustScale(), Scale("centre"), Scale("range"), Scale("standard")]
ONE_HOT = [OneHot(columns=(0, 2), n_levels=(4, 3))]


def maps_of(layer):
    """The shape of the maps that a layer reads; None for one that reads columns."""
    if isinstance(layer, Residual | Sequential):
        return maps_of(layer.layers[0] if isinstance(layer, Sequential) else layer.layers)
    return getattr(layer, "shape", None)


def d_in_of(layer):
    return D_IN if maps_of(layer) is None else math.prod(maps_of(layer))


def answer_of(module, layer, x):
    """What a module says of rows; maps go in as torch has them, and come back as rows."""
    shape = maps_of(layer)
    y = module(x if shape is None else as_maps(x, shape))
    return y if y.dim() == 2 else as_rows(y, x.shape[:-1])


def bound(layer, k, *, seed=0, is_training=False):
    """The layer bound for k members with random values: its step, and the blocks of weights, grads and state."""
    generator = torch.Generator().manual_seed(seed)
    d_in = d_in_of(layer)
    layouts = {"weights": Layout(layer.params(d_in), k), "state": Layout(layer.state(d_in), k)}
    weights = torch.randn(layouts["weights"].n_numbers, generator=generator, dtype=torch.float64)
    state = torch.rand(layouts["state"].n_numbers, generator=generator, dtype=torch.float64) + 0.5
    grads = torch.full_like(weights, torch.nan)  # a gradient that is not written stays visible
    context = Context(is_training=is_training)
    views = layouts["weights"].views
    slot = Slot(
        k, N_ROWS, d_in, True, views(weights), views(grads), layouts["state"].views(state),
        context, torch.float64, torch.device("cpu"),
    )  # fmt: skip
    blocks = [layouts["weights"].blocks(weights), layouts["weights"].blocks(grads), layouts["state"].blocks(state)]
    return layer.bind(slot), *blocks


def codes():
    return torch.tensor([[1, 0, 2], [0, 0, 1], [3, 0, 0], [2, 0, 1], [1, 0, 1], [1, 0, 2], [0, 0, 0]])


def rows(k, seed=1, d_in=D_IN):
    shape = (k, N_ROWS, d_in) if k > 1 else (N_ROWS, d_in)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def module_with_grads(layer, member, blocks, states):
    module = layer.module(d_in_of(layer), {name: block[member].clone() for name, block in (blocks | states).items()})
    return module.double()


def module_grads(module, layer):
    """The module's gradients in the order and shape of the layer's params."""
    grads = []
    for parameter in module.parameters():
        grad = parameter.grad
        if grad.dim() == 4:
            grad = grad.permute(0, 2, 3, 1)
        grads.append(grad.T if grad.dim() == 2 and "Embedding" not in type(layer).__name__ else grad)
    return torch.cat([grad.reshape(-1) for grad in grads]) if grads else torch.zeros(0)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("is_training", [False, True])
@pytest.mark.parametrize("layer", TRAINED, ids=str)
def test_gradients_equal_autograd_of_the_torch_module(layer, k, is_training):
    step, weights, grads, state = bound(layer, k, is_training=is_training)
    before = {name: value.clone() for name, value in state.items()}
    x = rows(k, d_in=d_in_of(layer))
    dy = torch.randn(*x.shape[:-1], layer.d_out(x.shape[-1]), dtype=torch.float64)
    y = step.forward(x).clone()
    dx = step.backward(dy.clone()).clone()
    for i in range(k):
        module = module_with_grads(layer, i, weights, before).train(is_training)
        x_i = (x[i] if k > 1 else x).clone().requires_grad_()
        y_i = answer_of(module, layer, x_i)
        y_i.backward(dy[i] if k > 1 else dy)
        torch.testing.assert_close(y[i] if k > 1 else y, y_i, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(dx[i] if k > 1 else dx, x_i.grad, rtol=1e-6, atol=1e-9)
        mine = torch.cat([grad[i].reshape(-1) for grad in grads.values()]) if grads else torch.zeros(0)
        torch.testing.assert_close(mine, module_grads(module, layer).to(mine), rtol=1e-6, atol=1e-9)
        for name, value in state.items():
            torch.testing.assert_close(value[i].view(-1), module.get_buffer(name), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("k", [1, 5])
def test_embedding_gradients_equal_autograd(k):
    (layer,) = CODES
    step, weights, grads, _ = bound(layer, k)
    y = step.forward(codes())
    dy = torch.randn(*y.shape, dtype=torch.float64)
    assert step.backward(dy.clone()) is None
    for i in range(k):
        module = layer.module(3, {"weight": weights["weight"][i].clone()})
        y_i = module(codes())
        y_i.backward(dy[i] if k > 1 else dy)
        torch.testing.assert_close(y[i] if k > 1 else y, y_i, rtol=1e-6, atol=0)
        torch.testing.assert_close(grads["weight"][i], module.vectors.weight.grad, rtol=1e-6, atol=1e-12)


def run_lines(lines, values):
    names = {"np": np, "math": math, **lines.constants, **values}
    exec(lines.forward, names)  # the layer's own lines, not input
    return names


@pytest.mark.parametrize("layer", TRAINED, ids=str)
def test_numpy_lines_say_the_same(layer):
    if isinstance(layer, Sequential | Residual):
        pytest.skip("the lines of a container are its layers' lines, which name the same variables one after the other")
    step, weights, grads, state = bound(layer, 1)
    x = rows(1, d_in=d_in_of(layer))
    dy = torch.randn(N_ROWS, layer.d_out(x.shape[1]), dtype=torch.float64)
    y, dx = step.forward(x).clone(), step.backward(dy.clone()).clone()
    values = {name: block[0].numpy() for name, block in (weights | state).items()}
    lines = layer.numpy_lines()
    names = run_lines(lines, {"x": x.numpy(), "dy": dy.numpy(), **values})
    exec(lines.backward, names)
    np.testing.assert_allclose(names["y"], y, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(names["dx"], dx, rtol=1e-9, atol=1e-12)
    for name, grad in grads.items():
        np.testing.assert_allclose(names[f"d_{name}"], grad[0], rtol=1e-9, atol=1e-12)


def test_numpy_lines_of_the_embedding_say_the_same():
    (layer,) = CODES
    step, weights, grads, _ = bound(layer, 1)
    y = step.forward(codes()).clone()
    dy = torch.randn(*y.shape, dtype=torch.float64)
    step.backward(dy.clone())
    lines = layer.numpy_lines()
    names = run_lines(lines, {"x": codes().numpy(), "dy": dy.numpy(), "weight": weights["weight"][0].numpy()})
    exec(lines.backward, names)
    np.testing.assert_array_equal(names["y"], y)
    np.testing.assert_allclose(names["d_weight"], grads["weight"][0], rtol=1e-12)


@pytest.mark.parametrize("layer", [*FIXED, *ONE_HOT], ids=str)
def test_fixed_layers_say_the_same_as_module_and_numpy(layer):
    x = codes() if layer in ONE_HOT else rows(1)
    if layer not in ONE_HOT:
        x[0, 1] = x[3, 3] = x[4, 0] = torch.nan
    if isinstance(layer, RobustScale | Scale):
        x = torch.nan_to_num(x)
    values = layer.fit(x)
    slot = Slot(1, 0, x.shape[1], False, {}, {}, values, Context(), torch.float64, torch.device("cpu"))
    y = layer.bind(slot).forward(x)
    assert y.shape == (N_ROWS, layer.d_out(x.shape[1]))
    assert torch.isfinite(y.double()).all()
    module = layer.module(x.shape[1], values)
    torch.testing.assert_close(module(x), y, rtol=0, atol=0)
    names = run_lines(layer.numpy_lines(), {"x": x.numpy(), **{name: value.numpy() for name, value in values.items()}})
    np.testing.assert_allclose(names["y"], y, rtol=1e-12)


def test_pixels_say_the_same_as_module_and_numpy():
    x = torch.randint(0, 256, (N_ROWS, d_in_of(PIXELS)), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    values = PIXELS.fit(x)
    slot = Slot(1, N_ROWS, x.shape[1], True, {}, {}, values, Context(), torch.float64, torch.device("cpu"))
    step = PIXELS.bind(slot)
    y = step.forward(x).clone()
    by_channel = y.view(-1, MAPS[2])
    torch.testing.assert_close(by_channel.mean(0), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(by_channel.std(0, correction=0), torch.ones(2, dtype=torch.float64))
    module = PIXELS.module(x.shape[1], values)
    torch.testing.assert_close(as_rows(module(x), x.shape[:-1]), y)
    dy = torch.randn(x.shape, dtype=torch.float64)
    lines = PIXELS.numpy_lines()
    given = {"x": x.numpy(), "dy": dy.numpy(), **{name: value.numpy() for name, value in values.items()}}
    names = run_lines(lines, given)
    exec(lines.backward, names)
    np.testing.assert_allclose(names["y"], y, rtol=1e-12)
    np.testing.assert_allclose(names["dx"], step.backward(dy), rtol=1e-12)


@pytest.mark.parametrize("layer", [*TRAINED, *CODES, *FIXED, *ONE_HOT, PIXELS, AUGMENT], ids=str)
def test_a_layer_survives_its_own_record(layer):
    assert layer_from_dict(layer.to_dict()) == layer


def test_every_registered_layer_is_held_to_this_suite():
    held = {type(layer) for layer in [*TRAINED, *CODES, *FIXED, *ONE_HOT, PIXELS, AUGMENT]}
    final = {kind for kind in Layer.registry.values() if not kind.__subclasses__()}
    assert held == final
    assert set(map(type, ACTIVATIONS.values())) <= held
