"""How strongly the loss bends: held against autograd and against what gradient descent really bears."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import firesteel
from firesteel.errors import TrainingError
from firesteel.evaluation import Curvature
from firesteel.nets import LOSSES, Columns, build_net, start_population
from firesteel.recipe import make_recipe
from firesteel.training import Rows, measure_curvature

RAW = {"net": "linear", "scaling": "none", "optimizer": "sgd", "schedule": "constant", "members": 1, "baselines": False}


def made(d_hidden, *, n=40, d=2):
    recipe = make_recipe(net="mlp", d_hidden=d_hidden, activation="tanh", scaling="none", init="random", periodic=False)
    net, _ = build_net(recipe, Columns(d, (), ()), d_out=1, n_rows=n, dropout=0.0)
    population = start_population(net, [3], fitted={}, dtype=torch.float64, device=torch.device("cpu"))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(n, d)))
    return population, Rows((x,), x[:, 0] * x[:, 1])


def hessian_by_autograd(population, rows):
    module = population.module(0).double()
    parameters = list(module.parameters())
    z = module(rows.inputs[0], torch.empty(rows.n_rows, 0, dtype=torch.int64))
    loss = ((z.squeeze(-1) - rows.y) ** 2).mean()
    gradient = torch.cat([one.reshape(-1) for one in torch.autograd.grad(loss, parameters, create_graph=True)])
    lines = [torch.autograd.grad(one, parameters, retain_graph=True, materialize_grads=True) for one in gradient]
    return torch.linalg.eigvalsh(torch.stack([torch.cat([part.reshape(-1) for part in line]) for line in lines]))


@pytest.mark.parametrize("d_hidden", [(3,), (9, 9)], ids=["all of them", "the steepest"])
def test_curvature_is_what_autograd_says(d_hidden):
    population, rows = made(d_hidden)
    largest, smallest = measure_curvature(population, rows, loss=LOSSES["mse"](1))
    expected = hessian_by_autograd(population, rows)
    assert largest == pytest.approx(float(expected[-1]), rel=1e-3)
    assert math.isnan(smallest) or smallest == pytest.approx(float(expected[0]), abs=1e-4)
    assert math.isnan(smallest) == (d_hidden == (9, 9))


def test_measuring_changes_no_weight():
    population, rows = made((3,))
    before = population.weights.clone()
    measure_curvature(population, rows, loss=LOSSES["mse"](1))
    assert torch.equal(population.weights, before)


def test_gradient_descent_bears_just_less_than_the_limit():
    plane = {"data": "synthetic:plane,rows=400", "batch_size": 400, "dtype": "float64", **RAW}
    limit = firesteel.fit(lr=1e-4, epochs=2, **plane).report.curvature.lr_limit
    losses = [
        firesteel.fit(lr=limit * share, epochs=200, patience=200, **plane).report.history.val_loss
        for share in (0.97, 1.03)
    ]
    assert losses[0][-1] < losses[0][0]
    assert losses[1][-1] > losses[1][0]


def test_the_report_says_which_lr_is_too_large():
    report = firesteel.fit("synthetic:plane,rows=400", lr=0.005, batch_size=400, epochs=5, **RAW).report
    assert any("sgd climbs out with an lr above 0.00" in notice.text for notice in report.notices)
    assert type(report).from_dict(report.to_dict()).curvature == report.curvature


def test_a_run_that_diverged_names_the_limit():
    with pytest.raises(TrainingError, match=r"the loss bends by 2\d\d"):
        firesteel.fit("synthetic:plane,rows=400", lr=1e15, batch_size=100, epochs=2, **RAW)


def test_adam_has_no_such_limit():
    words = {**RAW, "optimizer": "adam"}
    assert firesteel.fit("synthetic:plane,rows=100", epochs=2, **words).report.curvature is None


def test_dropout_does_not_enter_the_curvature():
    words = {"d_hidden": [8], "optimizer": "sgd", "epochs": 2, "members": 1, "baselines": False, "dropout": 0.3}
    found = [firesteel.fit("synthetic:colours,rows=200", **words).report.curvature.largest for _ in range(2)]
    assert found[0] == found[1]
    assert 0 < found[0] < 100


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.5, False), (0.9, False), (0.5, True), (0.9, True)])
def test_momentum_moves_the_limit_as_its_polynomial_says(momentum, nesterov):
    """Steps on h w^2 / 2 by torch's own SGD: just below the limit they shrink, just above they grow."""
    h = 3.0
    limit = Curvature(h, h, momentum, nesterov).lr_limit
    sizes = []
    for share in (0.97, 1.03):
        w = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimizer = torch.optim.SGD([w], lr=share * limit, momentum=momentum, nesterov=nesterov)
        for _ in range(400):
            w.grad = h * w.detach()
            optimizer.step()
        sizes.append(abs(w.item()))
    assert sizes[0] < 1e-2 < 1e2 < sizes[1]


def test_rows_count_in_the_curvature_as_their_weights_say():
    population, rows = made((3,))
    heavy = torch.linspace(0.1, 3.0, rows.n_rows, dtype=torch.float64)
    twice = Rows(
        (torch.cat([rows.inputs[0]] * 2),), torch.cat([rows.y] * 2), torch.cat([heavy, 0 * heavy]).unsqueeze(1)
    )
    weighted = Rows(rows.inputs, rows.y, heavy.unsqueeze(1))
    loss = LOSSES["mse"](1)
    assert measure_curvature(population, twice, loss=loss) == pytest.approx(
        measure_curvature(population, weighted, loss=loss)
    )
    assert measure_curvature(population, weighted, loss=loss) != pytest.approx(
        measure_curvature(population, rows, loss=loss), rel=1e-3
    )


def test_the_curvature_is_of_the_value_that_was_kept():
    plane = {"data": "synthetic:colours,rows=300", "optimizer": "sgd", "net": "linear", "epochs": 4, "members": 1}
    alone = firesteel.fit(lr=0.5, baselines=False, **plane).report.curvature
    both = firesteel.fit(lr=[0.001, 0.5], baselines=False, **plane).report
    assert both.curvature.largest == pytest.approx(alone.largest, rel=1e-3)
