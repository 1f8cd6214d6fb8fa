"""The training loop: what a plain script does, best weights kept, the same bits for the same seed."""

from __future__ import annotations

import copy
import math
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from firesteel.nets import LOSSES, Columns, ModulePopulation, fit_state, input_net
from firesteel.training import Rows, fold_rows_of, mean_loss, train
from firesteel.training.crew import Crew
from firesteel.training.loop import Loop

CPU = torch.device("cpu")


class Own(nn.Module):
    """A user's net with all that is awkward: a norm, dropout, tied and frozen weights, one number per row."""

    def __init__(self, d_in, p=0.0):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(d_in, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.third.weight = self.second.weight
        self.norm, self.dropout = nn.BatchNorm1d(8), nn.Dropout(p)
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        x = self.dropout(torch.relu(self.norm(self.first(x))))
        return self.last(torch.tanh(self.third(torch.tanh(self.second(x)))) + self.frozen(x))


def own_population(case, p=0.0, seed=0):
    net = input_net(Columns(3, (1,), (4, 30)))
    fitted = fit_state(net, x_num=case.x_num, x_cat=case.x_cat)
    torch.manual_seed(seed)
    return ModulePopulation(net, Own(net.d_dense, p), fitted=fitted, dtype=torch.float64, device=CPU)


def train_plainly(module, inputs, y, plan):
    """One epoch as a plain script writes it: torch's optimizer and loss, batches in the order of PCG64."""
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=plan.lr[0], weight_decay=plan.weight_decay[0], betas=plan.betas
    )
    order = np.random.Generator(np.random.PCG64([plan.seed, 0])).permutation(len(y))
    for batch in torch.from_numpy(order).split(plan.batch_size):
        optimizer.zero_grad()
        functional.cross_entropy(module(*(x[batch] for x in inputs)), y[batch]).backward()
        optimizer.step()
    return module


def assert_same_values(found, expected):
    for name, value in expected.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(found.state_dict()[name], value, rtol=1e-6, atol=1e-9)


def test_training_does_what_a_plain_script_does(still_case, make_plan):
    case, plan = still_case, make_plan(1, schedule="constant", dropout=0.0, epochs=1)
    population = case.population((0,))
    module = population.module(0).train()
    rows, val = case.parts(population)
    train(population, rows, val=val, plan=plan)
    train_plainly(module, (case.x_num[:70], case.x_cat[:70]), case.y[:70], plan)
    assert_same_values(population.module(0), module)


def test_a_users_module_trains_as_in_a_plain_script(case, make_plan):
    plan = make_plan(1, schedule="constant", weight_decay=0.1, epochs=1)
    population = own_population(case)
    twin = copy.deepcopy(population.user_module).train()
    rows, val = case.parts(population)
    frozen = twin.frozen.weight.clone()
    train(population, rows, val=val, plan=plan)
    train_plainly(twin, rows.inputs, rows.y, plan)
    assert_same_values(population.user_module, twin)
    assert torch.equal(population.user_module.frozen.weight, frozen)
    assert population.user_module.third.weight is population.user_module.second.weight


@pytest.mark.parametrize("make", ["layers", "module"])
def test_the_same_seed_gives_the_same_bits(case, make_plan, make):
    def trained(seed):
        population = case.population((seed,)) if make == "layers" else own_population(case, p=0.3)
        rows, val = case.parts(population)
        run = train(population, rows, val=val, plan=make_plan(1, seed=seed, seeds=(seed,)))
        return population.weights, population.state, run.val_loss

    torch.manual_seed(11)
    weights, state, losses = trained(1)
    torch.manual_seed(12)  # what the user draws elsewhere changes nothing
    again = trained(1)
    assert torch.equal(weights, again[0])
    assert torch.equal(state, again[1])
    assert losses == again[2]
    assert not torch.equal(weights, trained(2)[0])


def test_each_member_draws_its_dropout_from_its_seed_and_the_epoch(case, make_plan):
    population = case.population((3, 8))
    rows, val = case.parts(population)
    loop = Loop(Crew((population,), None), rows, val, make_plan(2, seeds=(3, 8)), None, threading.Event(), None)
    for epoch in (0, 5):
        loop.reseed(epoch)
        for seed, generator in zip((3, 8), population.context.generators, strict=True):
            assert generator.random_raw(4).tolist() == np.random.PCG64([seed, epoch]).random_raw(4).tolist()


def test_training_leaves_the_users_random_numbers_alone(case, make_plan):
    population = own_population(case, p=0.3)
    rows, val = case.parts(population)
    before = torch.get_rng_state()
    train(population, rows, val=val, plan=make_plan())
    assert torch.equal(torch.get_rng_state(), before)


def noisy_parts(case, population):
    """Labels without any sense: what is learned by heart makes the val loss worse."""
    rows = case.rows(population)
    y = torch.from_numpy(np.random.default_rng(0).integers(0, 3, rows.n_rows))
    places = torch.arange(rows.n_rows)
    noisy = Rows(rows.inputs, y)
    return noisy.take(places[:50]), noisy.take(places[50:])


def test_every_member_ends_with_the_weights_of_its_best_epoch(case, make_plan):
    population = case.population((0, 1, 2))
    rows, val = noisy_parts(case, population)
    plan = make_plan(3, lr=(0.003, 0.03, 0.1), epochs=25, schedule="constant")
    run = train(population, rows, val=val, plan=plan)
    losses = np.array(run.val_loss)
    assert run.best_epoch == tuple(losses.argmin(0) + 1)
    assert run.best_val_loss == tuple(losses.min(0))
    assert max(run.best_epoch) < run.n_epochs == 25
    found = mean_loss(population.answers, val, loss=plan.criterion)  # BatchNorm's averages are those of that epoch, too
    np.testing.assert_allclose(found, run.best_val_loss, rtol=1e-12)
    assert run.ending == "all epochs"


def test_the_folds_of_a_setting_share_the_epoch_that_is_best_for_all(case, make_plan):
    population = case.population((0, 1, 2, 3))
    rows, val = fold_rows_of(
        noisy_parts(case, population)[0], np.arange(50) % 2, members=np.array([0, 1, 0, 1]), dtype=torch.float64
    )
    plan = make_plan(4, lr=(0.01, 0.01, 0.05, 0.05), n_folds=2, epochs=20, schedule="constant")
    run = train(population, rows, val=val, plan=plan)
    means = np.array(run.val_loss).reshape(20, 2, 2).mean(2)  # (epoch, setting)
    assert run.best_epoch == tuple(np.repeat(means.argmin(0) + 1, 2))
    assert run.best_val_loss == pytest.approx(np.repeat(means.min(0), 2))
    found = mean_loss(population.answers, val, loss=plan.criterion)
    for i, epoch in enumerate(run.best_epoch):
        assert float(found[i]) == pytest.approx(run.val_loss[epoch - 1][i], rel=1e-12)


def test_training_ends_when_nobody_hopes_for_better(case, make_plan):
    population = case.population((0, 1))
    rows, val = noisy_parts(case, population)
    plan = make_plan(2, lr=(0.01, 0.03), epochs=200, patience=4, schedule="constant")
    run = train(population, rows, val=val, plan=plan)
    assert run.ending == "no better val loss"
    assert run.n_epochs == max(run.best_epoch) + 4
    assert run.n_steps == run.n_epochs * math.ceil(50 / plan.batch_size)


def test_the_train_loss_is_measured_without_dropout(case, make_plan):
    population = case.population((0,))
    rows, val = case.parts(population)
    plan = make_plan(1, dropout=0.9, epochs=1)
    run = train(population, rows, val=val, plan=plan)
    expected = mean_loss(population.answers, rows, loss=plan.criterion)  # 70 rows are all in the sample
    assert run.train_loss[0][0] == pytest.approx(float(expected), rel=1e-12)


def test_mean_loss_weighs_the_rows(case, make_plan):
    population = case.population((0, 1))
    rows, _ = case.parts(population)
    weight = torch.rand(70, 2, dtype=torch.float64)
    found = mean_loss(population.answers, Rows(rows.inputs, rows.y, weight), loss=make_plan().loss)
    z = population.answers(rows.inputs)
    for i in range(2):
        expected = functional.cross_entropy(z[i], rows.y, reduction="none") @ weight[:, i] / weight[:, i].sum()
        assert float(found[i]) == pytest.approx(float(expected))


def test_the_observer_sees_each_epoch(case, make_plan):
    population = case.population((0,))
    rows, val = case.parts(population)
    seen = []
    run = train(population, rows, val=val, plan=make_plan(1, batch_size=1, epochs=2), observer=seen.append)
    assert [sight.epochs_done for sight in seen] == [50 / 70, 1, 1 + 50 / 70, 2]
    assert [sight.val_loss for sight in seen] == [None, *(run.val_loss[0] * 2), *run.val_loss[1]]
    assert seen[-1].seconds_left == 0
    assert all(sight.seconds_left > 0 for sight in seen[:-1])


def test_a_population_that_answered_before_trains_with_its_own_dropout(case, make_plan):
    plan = make_plan(1, dropout=0.0, batch_size=70, epochs=2)
    weights = []
    for has_answered in (False, True):
        population = case.population((0,))
        rows, val = case.parts(population)
        if has_answered:
            population.answers(rows.inputs)
        train(population, rows, val=val, plan=plan)
        weights.append(population.weights)
    assert torch.equal(*weights)


@pytest.mark.parametrize("was_flushed", [False, True])
def test_numbers_below_the_normal_ones_are_0_in_training_alone(case, make_plan, was_flushed):
    if not torch.set_flush_denormal(was_flushed):
        pytest.skip("this processor cannot flush them")
    try:
        population = case.population((0,))
        rows, val = case.parts(population)
        seen = []
        train(population, rows, val=val, plan=make_plan(), observer=lambda _: seen.append(sys.float_info.min / 2))
        assert set(seen) == {0.0}
        assert (sys.float_info.min / 2 == 0) == was_flushed
    finally:
        torch.set_flush_denormal(False)


def test_the_number_of_threads_is_put_back(case, make_plan):
    before = torch.get_num_threads()
    population = case.population((0,))
    rows, val = case.parts(population)
    seen = []
    train(
        population,
        rows,
        val=val,
        plan=make_plan(),
        threads=before + 1,
        observer=lambda _: seen.append(torch.get_num_threads()),
    )
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


class Endless(LOSSES["cross_entropy"]):
    """A loss beyond all numbers, without being no number."""

    def rows(self, z, y):
        return torch.full(z.shape[:-1], math.inf, dtype=z.dtype)


def test_an_infinite_val_loss_is_never_the_best(case, make_plan):
    population = case.population((0,))
    rows, val = case.parts(population)
    run = train(population, rows, val=val, plan=replace(make_plan(1, epochs=2), criterion=Endless(3)))
    assert run.best_epoch == (0,)
    assert run.val_loss == ((math.inf,), (math.inf,))


def averaged_plainly(case, plan):
    """The weights after each epoch and their average, as a plain script keeps it."""
    population = case.population((0,))
    rows, val = case.parts(population)
    average = {"weights": population.weights.clone(), "state": population.state.clone()}
    found = []

    class Watched(Loop):
        def train_step(self, batch):
            super().train_step(batch)
            n = self.optimizer.n_steps
            kept = min(0.9, (1 + n) / (10 + n))
            for name, value in average.items():
                value.copy_(kept * value + (1 - kept) * getattr(population, name))

        def judge(self):
            super().judge()
            found.append({name: value.clone() for name, value in average.items()})

    with torch.inference_mode():
        run = Watched(Crew((population,), None), rows, val, plan, None, threading.Event(), None).run()
    return population, run, found, val


def test_the_average_is_what_is_judged_and_kept(case, make_plan):
    plan = make_plan(1, ema=0.9, lr=0.05)
    population, run, averages, val = averaged_plainly(case, plan)
    kept = averages[run.best_epoch[0] - 1]
    torch.testing.assert_close(population.weights, kept["weights"], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(population.state, kept["state"], rtol=1e-10, atol=1e-12)
    judged = mean_loss(population.answers, val, loss=plan.criterion)
    assert run.best_val_loss[0] == pytest.approx(float(judged[0]), rel=1e-9)


def test_judging_the_average_leaves_training_alone(case, make_plan):
    def trained(ema):
        population = case.population((0,))
        rows, val = case.parts(population)
        plan, ends = make_plan(1, ema=ema, epochs=3), []
        loop = Loop(Crew((population,), None), rows, val, plan, None, threading.Event(), None)
        with torch.inference_mode():
            for _ in range(plan.epochs):
                loop.run_epoch()
                loop.judge()
                ends.append(population.weights.clone())
        return torch.stack(ends)

    assert torch.equal(trained(0.9), trained(0.0))


def test_each_member_has_an_average_of_its_own(case, make_plan):
    population, alone = case.population((3, 8)), case.population((8,))
    rows, val = case.parts(population)
    train(population, rows, val=val, plan=make_plan(2, seeds=(3, 8), ema=0.95))
    train(alone, rows, val=val, plan=make_plan(1, seeds=(8,), ema=0.95))
    torch.testing.assert_close(population.pick([1]).weights, alone.weights, rtol=1e-6, atol=1e-9)
