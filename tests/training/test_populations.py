"""K members trained at once are K single runs; a fold is never learned from; a diverged member harms nobody."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from firesteel.training import Rows, fold_rows_of, train

K = 3
PER_MEMBER = {
    "lr": (0.003, 0.03, 0.01),
    "weight_decay": (0.0, 0.2, 0.05),
    "dropout": (0.0, 0.5, 0.2),
    "label_smoothing": (0.2, 0.0, 0.1),
    "seeds": (3, 8, 5),
}


def of_member(settings, i):
    return {name: (values[i],) for name, values in settings.items()}


def members_of(population):
    """Each member's weights and state, on its own."""
    pick = [(population.layout, population.weights), (population.state_layout, population.state)]
    return [torch.cat([layout.pick(buffer, [i]) for layout, buffer in pick]) for i in range(population.k)]


@pytest.mark.parametrize("is_folded", [False, True], ids=["shared rows", "folds"])
@pytest.mark.parametrize("optimizer", ["adamw", "soap", "sgd", "rmsprop", "sign"])
def test_a_population_equals_single_runs(case, smooth_case, make_plan, optimizer, is_folded):
    case = smooth_case if optimizer in ("rmsprop", "sign") else case
    extra = {"optimizer": optimizer, "momentum": 0.9 if optimizer in ("sgd", "rmsprop") else 0.0}
    extra["patience"] = 2  # members stop at different epochs
    folds = np.arange(len(case.y)) % K

    def trained(seeds, members, plan):
        population = case.population(seeds)
        if is_folded:
            rows, val = fold_rows_of(case.rows(population), folds, members=members, dtype=torch.float64)
        else:
            rows, val = case.parts(population)
        return population, train(population, rows, val=val, plan=plan)

    settings = PER_MEMBER if optimizer != "sign" else {**PER_MEMBER, "lr": (0.001, 0.003, 0.01)}
    together, run = trained(settings["seeds"], np.arange(K), make_plan(K, **settings, **extra, epochs=6))
    for i, member in enumerate(members_of(together)):
        own = of_member(settings, i)
        alone, own_run = trained(own["seeds"], np.array([i]), make_plan(1, **own, **extra, epochs=6))
        torch.testing.assert_close(member, members_of(alone)[0], rtol=1e-5, atol=1e-8)
        assert run.best_epoch[i] == own_run.best_epoch[0]
        assert run.best_val_loss[i] == pytest.approx(own_run.best_val_loss[0], rel=1e-5)


def test_one_setting_for_all_equals_a_list_of_equal_ones(case, make_plan):
    found = []
    for lr in ((0.01, 0.01, 0.01), (0.01, 0.01, 0.02)):
        population = case.population((1, 2, 3))
        rows, val = case.parts(population)
        train(population, rows, val=val, plan=make_plan(3, lr=lr, seeds=(1, 2, 3)))
        found.append(members_of(population)[:2])
    for shared, listed in zip(*found, strict=True):
        torch.testing.assert_close(shared, listed, rtol=1e-6, atol=1e-9)


def test_a_member_never_learns_from_the_fold_that_judges_it(case, make_plan):
    folds = np.arange(len(case.y)) % K
    spoilt = folds == 1
    x_num = torch.where(torch.from_numpy(spoilt)[:, None], 1e6, case.x_num)
    x_cat = torch.where(torch.from_numpy(spoilt)[:, None], 3, case.x_cat)
    y = torch.where(torch.from_numpy(spoilt), 2, case.y)
    weights = []
    for other in (case, dataclasses.replace(case, x_num=x_num, x_cat=x_cat, y=y)):
        population = case.population((0, 1, 2))  # the fixed layers fitted on the same rows
        rows, val = fold_rows_of(other.rows(population), folds, members=np.arange(K), dtype=torch.float64)
        train(population, rows, val=val, plan=make_plan(K, epochs=1))
        weights.append(members_of(population))
    assert torch.equal(weights[0][1], weights[1][1])
    assert not torch.allclose(weights[0][0], weights[1][0])
    assert not torch.allclose(weights[0][2], weights[1][2])


def test_a_batch_without_a_row_for_a_member_leaves_its_norms_finite(case, make_plan):
    folds = np.array([0] * 30 + [1] * 60)
    for batch_size in (1, 2):
        population = case.population((0, 1))
        rows, val = fold_rows_of(case.rows(population), folds, members=np.arange(2), dtype=torch.float64)
        run = train(population, rows, val=val, plan=make_plan(2, batch_size=batch_size, epochs=1))
        assert torch.isfinite(population.state).all()
        assert np.isfinite(run.val_loss).all()


def test_val_rows_of_folds_weigh_nothing_where_they_are_padding(case):
    population = case.population((0, 1))
    folds = np.array([0] * 20 + [1] * 70)
    rows, val = fold_rows_of(case.rows(population), folds, members=np.arange(2), dtype=torch.float64)
    assert val.weights.sum(0).tolist() == [20, 70]
    assert rows.weights.sum(0).tolist() == [70, 20]
    assert torch.equal(val.y[0, :20], case.y[:20])
    assert torch.equal(val.y[1], case.y[20:])


def test_weighted_rows_keep_their_weight_in_folds(case):
    population = case.population((0, 1))
    weight = torch.rand(len(case.y), 1, dtype=torch.float64)
    folds = np.arange(len(case.y)) % 2
    plain = case.rows(population)
    rows, val = fold_rows_of(Rows(plain.inputs, plain.y, weight), folds, members=np.arange(2), dtype=torch.float64)
    torch.testing.assert_close(rows.weights[:, 0], weight[:, 0] * torch.from_numpy(folds != 0))
    torch.testing.assert_close(val.weights[:, 1], weight[folds == 1, 0])
    assert set(rows.mask.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_member_that_diverges_does_not_disturb_the_others(case, make_plan, optimizer):
    runs = []
    for lr, seeds in (((0.01, 1e200, 0.02), (1, 2, 3)), ((0.01, 0.02), (1, 3))):
        population = case.population(seeds)
        rows, val = case.parts(population)
        plan = make_plan(len(lr), lr=lr, seeds=seeds, optimizer=optimizer)
        runs.append((train(population, rows, val=val, plan=plan), members_of(population)))
    (run, members), (_, calm) = runs
    assert run.best_epoch[1] == 0
    assert run.best_val_loss[1] == np.inf
    assert "1 of 3 members" in run.notices[0]
    for found, expected in zip((members[0], members[2]), calm, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_picked_members_take_their_part_of_the_run(case, make_plan):
    population = case.population((1, 2, 3))
    rows, val = case.parts(population)
    run = train(population, rows, val=val, plan=make_plan(3, lr=(0.1, 0.01, 0.001), seeds=(1, 2, 3)))
    part = run.pick([2, 0])
    assert part.best_val_loss == (run.best_val_loss[2], run.best_val_loss[0])
    assert part.val_loss[1] == (run.val_loss[1][2], run.val_loss[1][0])
    assert part.n_epochs == run.n_epochs == len(run.train_loss)
