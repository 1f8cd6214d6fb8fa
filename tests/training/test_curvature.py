"""How strongly the loss bends: held against autograd and against what gradient descent really bears."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import firesteel
from firesteel.errors import TrainingError
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
