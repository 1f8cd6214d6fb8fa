"""Which columns a least-squares fit should have."""

from __future__ import annotations

import numpy as np
import pytest

from firesteel.evaluation.selection import Path, choose_size, fold_numbers, least_squares, sparse_sets


def test_every_row_is_held_out_once() -> None:
    folds = fold_numbers(23, n_folds=5, seed=0)
    assert sorted(np.concatenate(folds)) == list(range(23))


def test_least_squares_is_numpys_and_columns_of_any_size_are_heard() -> None:
    design = np.random.default_rng(0).normal(size=(50, 3)) * [1e-9, 1.0, 1e9]
    truth = np.array([2e9, 3.0, 4e-9])
    assert least_squares(design, design @ truth) == pytest.approx(truth, rel=1e-9)


def test_equal_columns_share_their_coefficient_instead_of_running_away() -> None:
    x = np.random.default_rng(0).normal(size=40)
    assert least_squares(np.stack([x, x], axis=1), 6 * x) == pytest.approx([3, 3])


def test_sets_grow_by_one_and_hold_the_first_column() -> None:
    rng = np.random.default_rng(0)
    sets = sparse_sets(rng.normal(size=(60, 12)), rng.normal(size=60), n_chosen=6)
    assert [len(one) for one in sets] == [2, 3, 4, 5, 6, 7]
    assert all(0 in one for one in sets)


def test_the_going_back_drops_what_stood_in_for_the_truth() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200))
    blend = a + b + 0.1 * rng.normal(size=200)  # nearer to the answer than either, so it is taken first
    design = np.stack([np.ones(200), blend, a, b], axis=1)
    assert set(sparse_sets(design, a + b, n_chosen=3)[1]) == {0, 2, 3}


def paths_for(z: np.ndarray, design: np.ndarray) -> list[Path]:
    sets = [np.arange(size) for size in range(1, design.shape[1] + 1)]
    return [Path(design, z, held, sets) for held in fold_numbers(len(z), n_folds=5, seed=0)]


def test_the_smallest_fit_that_explains_all_is_chosen_when_there_is_no_noise() -> None:
    design = np.random.default_rng(0).normal(size=(80, 6))
    assert choose_size(paths_for(design[:, :3].sum(axis=1), design), ends=(-99, 99)).place == 2


def test_a_fit_within_noise_of_the_best_is_preferred_when_it_is_smaller() -> None:
    rng = np.random.default_rng(0)
    design = rng.normal(size=(200, 8))
    choice = choose_size(paths_for(design[:, :2].sum(axis=1) + 0.5 * rng.normal(size=200), design), ends=(-99, 99))
    assert choice.place == 1
    assert choice.errors[1] == pytest.approx(0.5, rel=0.2)
