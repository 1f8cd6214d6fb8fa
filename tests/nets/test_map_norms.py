"""BatchNorm2d where rows do not weigh alike, and where there is next to nothing to take a mean of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from firesteel.nets import Layout
from firesteel.nets.layer import Context, Slot
from firesteel.nets.map_norms import BatchNorm2d
from firesteel.nets.maps import as_maps, as_rows

MAPS = (3, 4, 2)
D = 24


def bound(k, n_rows, context):
    """A BatchNorm2d of random weights; its step, grads and state."""
    layer = BatchNorm2d(MAPS)
    params, states = Layout(layer.params(D), k), Layout(layer.state(D), k)
    weights = torch.rand(params.n_numbers, dtype=torch.float64) + 0.5
    grads = torch.full_like(weights, torch.nan)
    state = torch.ones(states.n_numbers, dtype=torch.float64)
    views = params.views(weights), params.views(grads), states.views(state)
    slot = Slot(k, n_rows, D, True, *views, context, torch.float64, torch.device("cpu"))
    return layer.bind(slot), params.blocks(weights), params.blocks(grads), states.blocks(state)


def torch_norm(weights, member):
    norm = nn.BatchNorm2d(MAPS[2]).double().train()
    with torch.no_grad():
        norm.running_mean.fill_(1.0)
        norm.weight.copy_(weights["weight"][member].view(-1))
        norm.bias.copy_(weights["bias"][member].view(-1))
    return norm


@pytest.mark.parametrize("k", [1, 2])
def test_rows_of_weight_0_take_no_part(k):
    torch.manual_seed(0)
    x = torch.randn(8, D, dtype=torch.float64)
    seen = torch.stack([torch.arange(8) % 4 != i for i in range(k)]).double()  # each member leaves out two rows
    shares = (seen / seen.sum(1, keepdim=True)).unsqueeze(-1)
    context = Context(is_training=True, row_weights=shares if k > 1 else shares[0])
    step, weights, grads, state = bound(k, 8, context)
    y = step.forward(x if k == 1 else x.expand(k, -1, -1)).clone()
    dy = torch.randn(k, 8, D, dtype=torch.float64) * seen.unsqueeze(-1)  # what is not seen has no loss
    dx = step.backward(dy.clone() if k > 1 else dy[0].clone())
    for i in range(k):
        rows = seen[i].bool()
        norm, x_i = torch_norm(weights, i), x[rows].clone().requires_grad_()
        y_i = as_rows(norm(as_maps(x_i, MAPS)), x_i.shape[:-1])
        y_i.backward(dy[i][rows])
        torch.testing.assert_close((y[i] if k > 1 else y)[rows], y_i)
        torch.testing.assert_close((dx[i] if k > 1 else dx)[rows], x_i.grad)
        torch.testing.assert_close(grads["weight"][i].view(-1), norm.weight.grad)
        torch.testing.assert_close(grads["bias"][i].view(-1), norm.bias.grad)
        torch.testing.assert_close(state["running_mean"][i].view(-1), norm.running_mean)


def test_maps_in_bfloat16_keep_their_statistics_in_full():
    context = Context(is_training=True)
    layer = BatchNorm2d(MAPS)
    params, states = Layout(layer.params(D), 1), Layout(layer.state(D), 1)
    weights, state = torch.ones(params.n_numbers), torch.zeros(states.n_numbers)
    views = params.views(weights), params.views(torch.zeros_like(weights)), states.views(state)
    step = layer.bind(Slot(1, 8, D, True, *views, context, torch.float32, torch.device("cpu")))
    x = torch.randn(8, D) + 3
    assert step.forward(x.bfloat16()).dtype == torch.bfloat16
    mean = states.views(state)["running_mean"]
    torch.testing.assert_close(mean.view(-1), 0.1 * x.bfloat16().float().view(-1, 2).mean(0))


def test_one_row_of_one_place_says_nothing_of_spread():
    layer = BatchNorm2d((1, 1, 2))
    params, states = Layout(layer.params(2), 1), Layout(layer.state(2), 1)
    weights, state = torch.ones(params.n_numbers), torch.ones(states.n_numbers)
    views = params.views(weights), params.views(torch.zeros_like(weights)), states.views(state)
    slot = Slot(1, 1, 2, True, *views, Context(is_training=True), torch.float32, torch.device("cpu"))
    assert torch.isfinite(layer.bind(slot).forward(torch.tensor([[3.0, 5.0]]))).all()
    assert (state == 1).all()
