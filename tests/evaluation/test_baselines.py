"""Classical baselines on ordinary and on odd tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

from firesteel import RecipeError
from firesteel.evaluation import baselines, classical, measured
from firesteel.evaluation.baselines import CONTENDERS, Baseline, best_baseline, contenders_of, fit_baselines
from firesteel.evaluation.classical import Job, Rows
from firesteel.evaluation.terms import formula
from firesteel.recipe import Task


def make_rows(n: int, *, task: Task, n_num: int = 3, n_cat: int = 2, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    x_num = rng.normal(size=(n, n_num)).astype(np.float32)
    x_cat = rng.integers(1, 4, size=(n, n_cat))
    signal = 2 * x_num[:, :1].sum(axis=1) + (x_cat[:, :1] == 2).sum(axis=1)
    y = (
        signal.astype(float)
        if task == "regression"
        else (signal > 0).astype(int) + (task == "multiclass") * (signal > 2)
    )
    return Rows(x_num, x_cat, y)


def fit(train: Rows, test: Rows, task: Task) -> dict[str, Baseline]:
    levels = (4,) * train.x_cat.shape[1]
    return {one.name: one for one in fit_baselines(train, test, task=task, n_levels=levels, seed=0, threads=1)}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "MAX_TREES", 10)
    monkeypatch.setattr(classical, "MIN_TREES", 5)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_baseline_of_the_task_runs_and_beats_the_constant_one(task: Task) -> None:
    found = fit(make_rows(200, task=task), make_rows(80, task=task, seed=1), task)
    assert list(found) == [one.name for one in CONTENDERS if task in one.tasks]
    if task == "regression":
        library = found.pop("power_library")
        assert library.note == "not applicable because it takes numbers only, and some columns are categorical"
    constant = next(iter(found.values())).main_score(task)
    for one in list(found.values())[1:]:
        assert one.main_score(task).is_better_than(constant), one.name
        assert one.answer is not None
        assert len(one.answer) == 80


def test_logistic_regression_is_scikit_learns_on_standardised_columns() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    train, test = (make_rows(n, task="binary", n_cat=0, seed=n) for n in (150, 60))
    scale = StandardScaler().fit(train.x_num.astype(float))
    referee = LogisticRegression(max_iter=1000).fit(scale.transform(train.x_num.astype(float)), train.y)
    found = fit(train, test, "binary")["logistic_regression"]
    assert found.answer == pytest.approx(referee.predict_proba(scale.transform(test.x_num.astype(float))), abs=1e-6)


def test_the_svm_picks_what_scikit_learns_picks() -> None:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    X, y = load_digits(return_X_y=True)
    train, test = (
        Rows(X[part], np.zeros((len(y[part]), 0), int), y[part]) for part in (slice(0, 300), slice(300, 500))
    )
    scale = StandardScaler().fit(train.x_num)
    found = fit(train, test, "multiclass")["svm"]
    assert found.answer is not None
    C = float(found.note.removeprefix("C = ").split()[0])
    referee = SVC(C=C).fit(scale.transform(train.x_num), train.y).predict(scale.transform(test.x_num))
    assert (found.answer.argmax(axis=1) == referee).mean() > 0.99
    assert found.answer.sum(axis=1) == pytest.approx(np.ones(200))


def test_a_one_hot_column_keeps_the_commonest_levels_and_takes_unknown_ones() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 50_000, size=(300, 1))
    train = Rows(np.zeros((300, 0)), codes, rng.integers(0, 2, 300))
    test = Rows(np.zeros((5, 0)), np.array([[0], [1], [49_999], [7], [0]]), np.array([0, 1, 0, 1, 0]))
    found = fit_baselines(train, test, task="binary", n_levels=(50_000,), seed=0, threads=1)
    assert all(one.is_applicable for one in found)


ODD = {
    "no numeric column": lambda rows: Rows(rows.x_num[:, :0], rows.x_cat, rows.y),
    "no categorical column": lambda rows: Rows(rows.x_num, rows.x_cat[:, :0], rows.y),
    "a single column": lambda rows: Rows(rows.x_num[:, :1], rows.x_cat[:, :0], rows.y),
    "a column without a value": lambda rows: replace(rows, x_num=np.where([False, True, False], np.nan, rows.x_num)),
    "a constant column": lambda rows: replace(rows, x_num=np.where([False, True, False], 3.0, rows.x_num)),
    "values that are infinite": lambda rows: replace(rows, x_num=np.where(rows.x_num > 2, np.inf, rows.x_num)),
    "values beyond float32": lambda rows: replace(rows, x_num=rows.x_num.astype(float) * 1e300),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_every_baseline_runs_with(name: str, task: Task) -> None:
    train, test = ODD[name](make_rows(100, task=task)), ODD[name](make_rows(30, task=task, seed=1))
    if name == "values beyond float32":  # all of them are missing then
        train = replace(
            train, x_num=np.concatenate([train.x_num[:, :2], make_rows(100, task=task).x_num[:, :1]], axis=1)
        )
    found = fit(train, test, task)
    obstacles = {one: found.pop(one).note for one in ("polynomial", "power_library") if one in found}
    assert {name: one.note for name, one in found.items() if not one.is_applicable} == {}
    assert all(note.startswith("not applicable") or "chosen on 5 folds" in note for note in obstacles.values())


def test_missing_values_only_in_the_test_rows_are_filled() -> None:
    train, test = make_rows(100, task="binary"), make_rows(30, task="binary", seed=1)
    test.x_num[:10, 1] = np.nan
    assert all(one.is_applicable for one in fit(train, test, "binary").values())


def test_a_class_without_training_rows_keeps_probability_0() -> None:
    train, test = make_rows(100, task="binary"), make_rows(30, task="multiclass", seed=1)
    test.y[0] = 2
    for one in fit(train, test, "multiclass").values():
        assert one.answer is not None, one.note
        assert one.answer.shape == (30, 3)
        assert (one.answer[:, 2] == 0).all()


def test_without_information_only_the_constant_answer_is_left_and_the_others_say_why() -> None:
    train, test = make_rows(40, task="regression"), make_rows(10, task="regression")
    blank = [Rows(np.full((rows.n_rows, 1), np.nan), rows.x_cat[:, :0], rows.y) for rows in (train, test)]
    found = fit(blank[0], blank[1], "regression")
    assert found.pop("mean").is_applicable
    for one in found.values():
        assert one.note == "not applicable because no column differs between the training rows"


def test_one_class_in_all_training_rows_is_said() -> None:
    train, test = make_rows(40, task="binary"), make_rows(10, task="binary")
    found = fit(replace(train, y=np.ones(40, int)), test, "binary")
    assert found["majority"].is_applicable
    assert found["svm"].note == "not applicable because all training rows are of one class"


def test_a_fit_that_stops_early_says_so_and_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "MAX_STEPS", 2)
    found = fit(make_rows(100, task="multiclass"), make_rows(20, task="multiclass"), "multiclass")
    assert found["logistic_regression"].note == "stopped before it had converged"


def test_a_sample_of_the_rows_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "SVM_ROWS", 250)
    monkeypatch.setattr(measured, "SUPPORT_WORK", 0)
    found = fit(make_rows(1200, task="binary"), make_rows(20, task="binary"), "binary")
    assert found["svm"].note.endswith("; on 250 of 1,200 training rows")


def test_work_is_bounded_on_large_tables() -> None:
    tall = Rows(np.zeros((1_000_000, 10), np.float32), np.zeros((1_000_000, 0), int), np.zeros(1_000_000))
    wide = Rows(np.zeros((900, 10_000), np.float32), np.zeros((900, 0), int), np.zeros(900))
    for rows in (tall, wide):
        job = Job("regression", rows, rows, n_levels=(), n_classes=0, seed=0, threads=1)
        svm_rows = measured.SvmRows.of(job.d_dense, is_regression=True, is_asked=False)
        assert svm_rows.final(job.n_rows, support=1.0) ** 2 * job.d_dense <= measured.SVM_WORK
        assert svm_rows.n_choice**2 * job.d_dense <= measured.CHOICE_WORK
        assert classical.linear_rows(job) * job.d_dense <= classical.LINEAR_CELLS
    job = Job("regression", tall, tall, n_levels=(), n_classes=0, seed=0, threads=1)
    assert "each on" in classical.forest(job).look(None).note


def test_the_same_seed_gives_the_same_answers() -> None:
    train, test = make_rows(100, task="binary"), make_rows(20, task="binary")
    for first, again in zip(fit(train, test, "binary").values(), fit(train, test, "binary").values(), strict=True):
        assert first.answer is not None
        assert np.array_equal(first.answer, again.answer)


def test_the_best_is_the_first_of_equals_and_ignores_those_that_could_not_run() -> None:
    found = fit(make_rows(100, task="regression"), make_rows(20, task="regression"), "regression")
    able = tuple(one for one in found.values() if one.is_applicable)
    best = best_baseline("regression", able)
    assert best is min(able, key=lambda one: one.main_score("regression").value)
    assert best_baseline("regression", (Baseline("svm", "SVM", (), 0.0, "failed"),)) is None


def test_on_a_real_table_the_forest_is_what_it_should_be(real_tables: Path) -> None:
    table = pl.read_csv(real_tables / "winequality-red.csv", has_header=False, infer_schema_length=None)
    values = table.to_numpy().astype(float)
    rng = np.random.default_rng(0).permutation(len(values))
    rows = [Rows(values[part, :-1], np.zeros((len(part), 0), int), values[part, -1]) for part in (rng[240:], rng[:240])]
    found = fit(rows[0], rows[1], "regression")
    assert found["random_forest"].main_score("regression").value < 0.68
    assert found["linear_regression"].main_score("regression").value < 0.75


def numbers_only(n: int, *, d: int, seed: int = 0) -> Rows:
    x = np.random.default_rng(seed).uniform(0, 10, (n, d))
    return Rows(x, np.zeros((n, 0), int), 12.34 + x @ np.arange(1.11, 1.11 * d + 0.01, 1.11))


def test_linear_regression_gives_back_the_coefficients_of_a_plane() -> None:
    train, test = numbers_only(2000, d=4), numbers_only(50, d=4, seed=1)
    found = fit_baselines(train, test, task="regression", n_levels=(), seed=0, threads=1, names=["a", "b", "c", "d"])
    terms = {one.name: one.terms for one in found}
    assert {term.name: term.coefficient for term in terms["linear_regression"]} == pytest.approx(
        {"1": 12.34, "a": 1.11, "b": 2.22, "c": 3.33, "d": 4.44}, abs=1e-6
    )
    for name in ("polynomial", "power_library"):
        assert formula("y", terms[name]) == "y = 12.34 + 1.11 a + 2.22 b + 3.33 c + 4.44 d"


def test_with_few_rows_for_the_columns_linear_regression_is_pulled_towards_0() -> None:
    rng = np.random.default_rng(0)
    rows = [Rows(rng.normal(size=(n, 60)), np.zeros((n, 0), int), rng.normal(size=n)) for n in (70, 200)]
    found = fit_baselines(*rows, task="regression", n_levels=(), seed=0, threads=1, asked=["linear_regression"])[0]
    assert "fewer than 10 rows a column; alpha = 1e+02" in found.note
    assert found.main_score("regression").value < 1.3  # least squares has more than 3


def test_two_equal_columns_share_a_coefficient() -> None:
    rows = numbers_only(300, d=1)
    twice = replace(rows, x_num=np.repeat(rows.x_num, 2, axis=1))
    found = fit_baselines(twice, twice, task="regression", n_levels=(), seed=0, threads=1, names="ab")
    linear = next(one for one in found if one.name == "linear_regression")
    assert [term.coefficient for term in linear.terms] == pytest.approx([12.34, 0.555, 0.555], abs=1e-6)


def test_models_of_categorical_or_missing_values_have_no_terms() -> None:
    train, test = make_rows(200, task="regression"), make_rows(50, task="regression", seed=1)
    options = {"task": "regression", "seed": 0, "threads": 1, "names": ["a", "b", "c"]}
    assert not any(one.terms for one in fit_baselines(train, test, n_levels=(4, 4), **options))
    gaps = Rows(np.where(train.x_num > 1, np.nan, train.x_num), train.x_cat[:, :0], train.y)
    assert not any(one.terms for one in fit_baselines(gaps, gaps, n_levels=(), **options))


def test_terms_survive_a_dict() -> None:
    train = numbers_only(100, d=1)
    found = fit_baselines(train, train, task="regression", n_levels=(), seed=0, threads=1, names=["x"])
    for one in found:
        again = Baseline.from_dict(one.name, json.loads(json.dumps(one.to_dict())))
        assert again.terms == one.terms
        assert bool(one.terms) is (one.name in ("linear_regression", "polynomial", "power_library"))


def test_only_what_was_asked_for_is_fitted_and_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MIN_WIDE_ROWS", "MAX_NUMBERS"):
        monkeypatch.setattr(baselines, name, 50)
    monkeypatch.setattr(classical, "FOREST_WORK", 1)
    monkeypatch.setattr(measured, "SVM_ROWS", 20)
    train, test = make_rows(300, task="binary"), make_rows(20, task="binary", seed=1)
    options = {"task": "binary", "n_levels": (4, 4), "seed": 0, "threads": 1}
    found = fit_baselines(train, test, asked=["random_forest", "svm"], **options)
    assert [one.name for one in found] == ["svm", "random_forest"]
    assert all("training rows;" not in one.note and "of 300" not in one.note for one in found)
    assert found[1].note == "10 trees"
    unasked = {one.name: one.note for one in fit_baselines(train, test, **options)}
    assert "on 50 of 300 training rows" in unasked["random_forest"]


def test_a_baseline_of_another_task_is_refused() -> None:
    with pytest.raises(RecipeError, match="one for binary; 'polynomial' is not") as refused:
        contenders_of("binary", ["svm", "polynomial"])
    assert refused.value.hint.startswith("--baselines majority,logistic_regression")


def test_power_models_say_why_a_table_is_not_for_them() -> None:
    wide = Rows(np.random.default_rng(0).normal(size=(100, 25)), np.zeros((100, 0), int), np.arange(100.0))
    few = numbers_only(15, d=1)
    levels = replace(make_rows(100, task="regression"), x_cat=np.arange(200).reshape(100, 2) % 50 + 1)
    for rows, polynomial, library in (
        (wide, "it takes up to 20 numeric columns, and there are 25", "it takes up to 8 numeric columns"),
        (few, "it takes 20 training rows, and there are 15", "it takes 20 training rows"),
        (levels, "a categorical column has more than 20 levels", "it takes numbers only"),
    ):
        n_levels = (51,) * rows.x_cat.shape[1]
        found = fit_baselines(
            rows, rows, task="regression", n_levels=n_levels, seed=0, threads=1, asked=["polynomial", "power_library"]
        )
        assert found[0].note == f"not applicable because {polynomial}"
        assert found[1].note.startswith(f"not applicable because {library}")
