"""Feature maps in bfloat16: taken where measured to be quicker, and never where their gradients disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from firesteel.nets import (
    LOSSES,
    ModulePopulation,
    Views,
    build_picture_net,
    fit_state,
    make_module,
    picture_input_net,
    start_population,
)
from firesteel.recipe import make_recipe
from firesteel.training import Rows, measure_precision, precision, train

SHAPE = (8, 8, 1)
LOSS = LOSSES["cross_entropy"](3)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (60, 64), dtype=np.uint8)), torch.arange(60) % 3


@pytest.fixture
def plan(make_plan):
    return replace(make_plan(1, batch_size=20), loss=LOSS, criterion=LOSS)


def population_of(pictures, *, dropout=0.2):
    net, _ = build_picture_net(make_recipe(), SHAPE, net="conv", d_out=3, views=Views(shift=0.1), dropout=dropout)
    x, no_cat = pictures[0], torch.empty(60, 0, dtype=torch.int64)
    fitted = fit_state(net, x_num=x, x_cat=no_cat)
    return start_population(net, (0,), fitted=fitted, dtype=torch.float32, device=CPU)


def rows_of(pictures, population):
    return Rows(population.prepare(pictures[0], torch.empty(60, 0, dtype=torch.int64)), pictures[1])


def measured(pictures, plan, monkeypatch, *, seconds):
    """The choice where a step takes so long in (float32, bfloat16)."""
    step = precision._step

    def timed(population, batch, plan, dtype):
        step(population, batch, plan, dtype)
        return seconds[dtype == torch.bfloat16]

    monkeypatch.setattr(precision, "_step", timed)
    population = population_of(pictures)
    return measure_precision(population, rows_of(pictures, population), plan=plan, n_crew=1)


def test_bfloat16_is_taken_where_it_is_clearly_quicker(pictures, plan, monkeypatch):
    chosen = measured(pictures, plan, monkeypatch, seconds=(1.0, 0.5))
    assert (chosen.name, chosen.value) == ("precision", "bfloat16")
    assert "takes 0.50 of the time here" in chosen.reason


@pytest.mark.parametrize("taken", [0.9, 1.0, 3.0])
def test_float32_is_kept_where_bfloat16_gains_little_or_costs(pictures, plan, monkeypatch, taken):
    assert measured(pictures, plan, monkeypatch, seconds=(1.0, taken)).value == "float32"


def test_a_gradient_that_disagrees_is_refused_however_quick(pictures, plan, monkeypatch):
    monkeypatch.setattr(precision, "COSINE_MIN", 1.01)
    assert measured(pictures, plan, monkeypatch, seconds=(1.0, 0.1)).value == "float32"


def test_measuring_changes_nothing(pictures, plan):
    population = population_of(pictures)
    before = [one.clone() for one in (population.weights, population.state, population.grads)]
    measure_precision(population, rows_of(pictures, population), plan=plan, n_crew=1)
    after = [population.weights, population.state, population.grads]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert population.context.precision is None
    assert not population.context.is_training


def test_a_user_s_own_module_is_left_as_it_is(pictures, plan):
    net = picture_input_net(SHAPE)
    module = make_module(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), net=net, d_out=3)
    population = ModulePopulation(net, module, fitted={}, dtype=torch.float32, device=CPU)
    assert measure_precision(population, rows_of(pictures, population), plan=plan, n_crew=1).value == "float32"


def test_training_in_bfloat16_is_near_to_training_in_float32(pictures, plan):
    losses = {}
    for name in (None, torch.bfloat16):
        population = population_of(pictures, dropout=0.0)
        rows = rows_of(pictures, population)
        run = train(population, rows, val=rows, plan=replace(plan, precision=name, dropout=(0.0,)))
        assert population.weights.dtype == torch.float32
        losses[name] = run.val_loss[0][0]
    assert losses[None] != losses[torch.bfloat16]  # it was carried out
    assert losses[None] == pytest.approx(losses[torch.bfloat16], rel=0.02)
