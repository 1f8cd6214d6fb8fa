"""A crew shares a step: what several threads find together is what one finds alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from firesteel.nets import LOSSES, Views, build_picture_net, fit_state, start_population
from firesteel.recipe import make_recipe
from firesteel.training import Rows, fold_rows_of, train
from firesteel.training.crew import N_ROWS_EACH, make_crew
from firesteel.training.loop import Loop
from firesteel.training.rows import Batch, batches

SHAPE, N_ROWS, N_CLASSES = (6, 6, 1), 150, 3
LOSS = LOSSES["cross_entropy"](N_CLASSES)
AS_IT_IS = Views()
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.integers(0, 256, (N_ROWS, 36), dtype=np.uint8))
    return x, torch.from_numpy(rng.integers(0, N_CLASSES, N_ROWS))


def population_of(pictures, *, net="linear", k=1, views=AS_IT_IS, dtype=torch.float64):
    x, no_cat = pictures[0], torch.empty(N_ROWS, 0, dtype=torch.int64)
    net, _ = build_picture_net(make_recipe(), SHAPE, net=net, d_out=N_CLASSES, views=views, dropout=0.0)
    population = start_population(net, range(k), fitted=fit_state(net, x_num=x, x_cat=no_cat), dtype=dtype, device=CPU)
    population.weights.add_(0.01 * torch.cos(torch.arange(len(population.weights))))  # the last layer starts with zeros
    return population


def rows_of(pictures, population, *, n_folds=1):
    x, y = pictures
    rows = Rows(population.prepare(x, torch.empty(N_ROWS, 0, dtype=torch.int64)), y)
    if n_folds == 1:
        return rows.part(0, 120), rows.part(120, N_ROWS)
    return fold_rows_of(rows, np.arange(N_ROWS) % n_folds, members=np.arange(n_folds), dtype=torch.float64)


def first_batch(rows, k, batch_size=100):
    return next(iter(batches(rows, LOSS, batch_size=batch_size, seed=0, epoch=0, k=k, dtype=torch.float64)))


def learn(population, batch):
    """One forward and backward pass, as the loop does it."""
    context = population.context
    context.is_training, context.row_weights = True, batch.seen
    program = population.program(len(batch.t))
    z = program.forward(batch.inputs)
    program.backward(LOSS.gradient(z, batch.t, batch.share, torch.empty_like(z)))


def gradients(pictures, n, *, net, k=1):
    """The gradient and the running averages after one step of a crew of n."""
    population = population_of(pictures, net=net, k=k)
    rows, _ = rows_of(pictures, population, n_folds=k)
    with torch.inference_mode(), make_crew(population, n) as crew:
        parts = crew.parts_of(first_batch(rows, k))
        assert len(parts) == n
        crew.run(learn, parts)
        crew.gather(n)
        assert all(torch.equal(twin.state, population.state) for twin in crew.populations)
        return population.grads.clone(), population.state.clone()


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("k", [1, 3], ids=["one net", "folds"])
@pytest.mark.parametrize("net", ["linear", "mlp"])
def test_a_crew_finds_the_gradient_of_one(pictures, net, k, n):
    alone, _ = gradients(pictures, 1, net=net, k=k)
    together, _ = gradients(pictures, n, net=net, k=k)
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-14)


def test_running_averages_are_the_mean_of_the_crew_s(pictures):
    population = population_of(pictures, net="conv")
    rows, _ = rows_of(pictures, population)
    batch = first_batch(rows, 1)
    states = []
    for part in batch.split(2):
        twin = population.twin()
        with torch.inference_mode():
            learn(twin, part)
        states.append(twin.state)
    _, together = gradients(pictures, 2, net="conv")
    torch.testing.assert_close(together, (states[0] + states[1]) / 2, rtol=1e-12, atol=0)
    assert not torch.equal(states[0], states[1])


def test_each_part_is_run_by_a_thread_of_its_own(pictures):
    names = set()
    barrier = threading.Barrier(3, timeout=10)  # would break if two parts shared a thread

    def work(population, part):
        barrier.wait()
        names.add(threading.get_ident())

    with make_crew(population_of(pictures), 3) as crew:
        crew.run(work, [0, 1, 2])
    assert len(names) == 3


def test_what_goes_wrong_in_a_thread_is_raised(pictures):
    def work(population, part):
        if part == 1:
            raise ValueError("in the other thread")

    with make_crew(population_of(pictures), 2) as crew, pytest.raises(ValueError, match="in the other thread"):
        crew.run(work, [0, 1])


@pytest.mark.parametrize(("n_rows", "n_parts"), [(1, 1), (2 * N_ROWS_EACH - 1, 1), (2 * N_ROWS_EACH, 2), (1000, 4)])
def test_small_batches_are_not_parted(pictures, n_rows, n_parts):
    batch = Batch((torch.zeros(n_rows, 36),), torch.zeros(n_rows, 3), 1 / n_rows)
    with make_crew(population_of(pictures), 4) as crew:
        assert len(crew.parts_of(batch)) == n_parts


@pytest.mark.parametrize("n_rows", [1, 2, 7, 150])
@pytest.mark.parametrize("net", ["conv", "resnet"])
def test_a_crew_answers_as_one_does(pictures, net, n_rows):
    population = population_of(pictures, net=net, k=2)
    inputs = tuple(x[:n_rows] for x in rows_of(pictures, population)[0].inputs)
    alone = population.answers(inputs).clone()
    with make_crew(population, 3) as crew:
        torch.testing.assert_close(crew.answers(inputs), alone[:, :n_rows], rtol=1e-12, atol=1e-14)


def test_a_crew_answers_for_rows_of_each_member_s_own(pictures):
    population = population_of(pictures, net="conv", k=3)
    _, val = rows_of(pictures, population, n_folds=3)
    alone = population.answers(val.inputs).clone()
    with make_crew(population, 2) as crew:
        torch.testing.assert_close(crew.answers(val.inputs), alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("k", [1, 2])
def test_a_crew_trains_to_the_same_bits_each_time(pictures, make_plan, k):
    def trained():
        population = population_of(pictures, net="conv", k=k, views=Views(shift=0.1, erase=0.5))
        rows, val = rows_of(pictures, population, n_folds=k)
        plan = replace(make_plan(k, batch_size=80, epochs=2, ema=0.9), loss=LOSS, criterion=LOSS)
        run = train(population, rows, val=val, plan=plan, n_crew=2)
        return population.weights, population.state, run.val_loss

    first, again = trained(), trained()
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert first[2] == again[2]


def test_each_of_a_crew_draws_its_own_dropout_and_views(pictures, make_plan):
    """Equal halves of a batch would be shown alike, and so have equal gradients, if both threads drew the same."""
    population = population_of(pictures, views=Views(shift=0.3))
    rows, val = rows_of(pictures, population)
    twice = Rows(tuple(torch.cat([x[:64], x[:64]]) for x in rows.inputs), torch.cat([rows.y[:64], rows.y[:64]]))
    seen = {}

    def learn_and_keep(population, batch):
        learn(population, batch)
        seen[id(population)] = population.grads.clone()

    plan = replace(make_plan(1), loss=LOSS, criterion=LOSS)
    with torch.inference_mode(), make_crew(population, 2) as crew:
        Loop(crew, rows, val, plan, None, threading.Event(), None).reseed(0)
        t = LOSS.spread(twice.y).double()
        crew.run(learn_and_keep, Batch(twice.inputs, t, 1 / 128).split(2))
    first, second = seen.values()
    assert not torch.allclose(first, second)
