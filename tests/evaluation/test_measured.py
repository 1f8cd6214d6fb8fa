"""Settings that are measured on training rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC, SVR

from firesteel.evaluation.measured import Neighbours, Penalty, SVMClassifier, SVMRegressor, SvmRows, choose_penalty


def neighbours(*, is_regression: bool, n_judged: int = 1000) -> Neighbours:
    kind = KNeighborsRegressor if is_regression else KNeighborsClassifier
    model = make_pipeline(FunctionTransformer(), kind(n_neighbors=1))
    return Neighbours(model, is_regression=is_regression, n_judged=n_judged, seed=0)


def test_few_neighbours_where_classes_are_finely_woven_and_many_where_labels_are_noise() -> None:
    x = np.random.default_rng(0).uniform(0, 8, (600, 2))
    woven = (x.astype(int).sum(axis=1)) % 2
    noisy = ((x[:, 0] > 4) ^ (np.random.default_rng(1).random(600) < 0.3)).astype(int)
    assert neighbours(is_regression=False).fit(x, woven).k_ <= 5
    assert neighbours(is_regression=False).fit(x, noisy).k_ >= 25


def test_what_is_chosen_is_what_leaving_one_row_out_says() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x[:, 0] + 0.3 * rng.normal(size=60)
    errors = {}
    for k in (1, 3, 5, 9, 15):
        for weights in ("uniform", "distance"):
            left_out = []
            for i in range(60):
                rest = np.delete(np.arange(60), i)
                one = KNeighborsRegressor(k, weights=weights).fit(x[rest], y[rest]).predict(x[i : i + 1])
                left_out.append((one[0] - y[i]) ** 2)
            errors[k, weights] = np.mean(left_out)
    found = neighbours(is_regression=True).fit(x, y)
    best = min(errors.values())
    assert errors[found.k_, found.weights_] <= best * 1.0001


def test_a_row_that_stands_twice_is_a_neighbour_of_its_like() -> None:
    x = np.repeat(np.arange(20.0), 2)[:, None]
    y = np.random.default_rng(0).integers(0, 2, 20).repeat(2)
    found = neighbours(is_regression=False).fit(x, y)
    assert found.weights_ == "distance" or found.k_ == 1
    assert (found.predict(x) == y).all()


def test_a_single_training_row_answers_for_all() -> None:
    found = neighbours(is_regression=True).fit(np.zeros((1, 1)), np.array([5.0]))
    assert found.predict(np.ones((3, 1))) == pytest.approx([5, 5, 5])


class Fitted(NamedTuple):
    """As much of a fitted machine as a choice looks at."""

    C: float
    support_: np.ndarray
    shape_fit_: tuple[int, int]


def test_a_larger_penalty_is_taken_only_beyond_noise() -> None:
    def choose(losses: dict[float, list[float]]) -> Penalty:
        def learn(penalty: float) -> tuple[Fitted, ...]:
            return (Fitted(penalty, support_=np.arange(5), shape_fit_=(20, 2)),)

        return choose_penalty(learn, lambda model: np.array(losses[model[-1].C]), penalties=sorted(losses))

    nothing = [0.0] * 30
    one_more = {1.0: [1.0] + [0.0] * 29, 10.0: nothing, 100.0: nothing, 1000.0: nothing}
    many_more = {1.0: [1.0] * 15 + [0.0] * 15, 10.0: nothing, 100.0: nothing, 1000.0: nothing}
    assert choose(one_more).C == 1
    assert choose(many_more).C == 10
    assert choose(many_more).support == 0.25
    assert choose({1.0: nothing, 10.0: [1.0] * 30}).n_tried == 2


def test_rows_are_bounded_by_work_unless_someone_asked() -> None:
    rows = SvmRows.of(5, is_regression=False, is_asked=False)
    assert rows.final(10**6, support=1.0) < 10_000
    assert rows.final(10**6, support=0.05) > 20_000
    assert SvmRows.of(5, is_regression=False, is_asked=True).final(10**6, support=1.0) == 10**6
    assert rows.of_choice(10**6) == 4000
    assert rows.of_choice(10**6, support=0.1) > 8000
    assert SvmRows.of(3000, is_regression=False, is_asked=False).n_choice < 500


def test_a_support_vector_machine_keeps_a_row_of_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 2)), np.zeros(400, int)
    y[:200], y[399] = 1, 2
    rows = SvmRows(2, n_choice=50, is_asked=False)
    monkeypatch.setattr("firesteel.evaluation.measured.SVM_ROWS", 20)
    monkeypatch.setattr("firesteel.evaluation.measured.SUPPORT_WORK", 0)
    monkeypatch.setattr("firesteel.evaluation.measured.MIN_SVM_ROWS", 20)
    found = SVMClassifier(lambda C: make_pipeline(FunctionTransformer(), SVC(C=C)), rows=rows, seed=0).fit(x, y)
    assert list(found.classes_) == [0, 1, 2]
    assert found.predict_proba(x[:5]).shape == (5, 3)
    assert found.n_rows_ <= 21


def test_support_vector_regression_answers_in_the_targets_unit() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (300, 1))
    y = 1e6 * np.sin(5 * x[:, 0])
    rows = SvmRows.of(1, is_regression=True, is_asked=False)
    found = SVMRegressor(lambda C: make_pipeline(FunctionTransformer(), SVR(C=C)), rows=rows, seed=0).fit(x, y)
    assert np.abs(found.predict(x) - y).max() < 2e5
    assert found.note.startswith("C = ")
