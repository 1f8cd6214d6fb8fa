"""What a fitted model says along its one column, or on the plane of its two."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import firesteel

RNG = np.random.default_rng(0)
N = 120
QUICK = {"epochs": 8, "baselines": False}


def line(scale: float = 1.0, offset: float = 0.0) -> pl.DataFrame:
    x = RNG.normal(10, 3, N) * scale + offset
    return pl.DataFrame({"x": x, "y": 3 * (x - offset) / scale + RNG.normal(0, 1, N)})


def plane() -> pl.DataFrame:
    a, b = RNG.normal(size=(2, N))
    return pl.DataFrame({"a": a, "b": b, "kind": np.where(a + b > 0, "up", "down")})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-20, 0.0), (100.0, 1.6e9)])
def test_the_curve_is_what_the_model_predicts_in_the_columns_own_numbers(scale, offset, dtype) -> None:
    table = line(scale, offset)
    model = firesteel.fit(table, target="y", task="regression", dtype=dtype, **QUICK)
    curve = model.report.curve
    assert curve.column == "x"
    pred = model.predict(pl.DataFrame({"x": curve.x})).pred
    np.testing.assert_allclose(curve.answers[0], pred, rtol=1e-3, atol=1e-3)
    assert len(curve.members) == model.report.n_members > 1
    assert table["x"].min() - abs(scale) <= curve.ends[0] <= curve.ends[1] <= table["x"].max() + abs(scale)


def test_test_rows_are_not_training_rows() -> None:
    table, test = line(), line()
    curve = firesteel.fit(table, test=test, target="y", task="regression", **QUICK).report.curve
    np.testing.assert_allclose(sorted(curve.train.x), table["x"].sort(), rtol=1e-6)
    np.testing.assert_allclose(sorted(curve.test.x), test["x"].sort(), rtol=1e-6)
    np.testing.assert_allclose(sorted(curve.test.y), test["y"].sort(), rtol=1e-6)


def test_val_rows_of_a_single_member_are_no_training_rows() -> None:
    report = firesteel.fit(line(), target="y", task="regression", members=1, **QUICK).report
    assert len(report.curve.train.x) == report.n_rows["train"]
    assert report.curve.members == ()


def test_the_plane_is_what_the_model_predicts() -> None:
    model = firesteel.fit(plane(), target="kind", **QUICK)
    found = model.report.plane
    assert found.columns == ("a", "b")
    x, y = (grid.ravel() for grid in np.meshgrid(*found.places))
    picked = model.predict(pl.DataFrame({"a": x, "b": y})).proba.argmax(axis=1)
    assert np.mean(found.log_ratio.argmax(axis=0).ravel() == picked) > 0.999
    rows = pl.DataFrame({"a": found.test.x, "b": found.test.y})
    assert model.predict(rows).proba.argmax(axis=1).tolist() == list(found.test.picked)


def test_of_one_column_classes_have_a_curve_each() -> None:
    model = firesteel.fit(plane().drop("b"), target="kind", **QUICK)
    curve = model.report.curve
    proba = model.predict(pl.DataFrame({"a": curve.x})).proba
    np.testing.assert_allclose(np.transpose(curve.answers), proba, atol=1e-6)


def test_other_columns_have_neither() -> None:
    words = plane().with_columns(pl.Series("b", RNG.choice(["s", "m", "l"], N)))
    numbers = plane().with_columns(pl.Series("c", RNG.normal(size=N)))
    regression = plane().drop("kind").with_columns(y=pl.col("a") + pl.col("b") + pl.Series(RNG.normal(size=N)))
    for table, target in ((words, "kind"), (numbers, "kind"), (regression, "y")):
        report = firesteel.fit(table, target=target, **QUICK).report
        assert (report.curve, report.plane) == (None, None)


def test_a_date_is_no_number() -> None:
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2021, 1, 1), eager=True)[:N]
    table = pl.DataFrame({"day": days, "y": np.arange(N) * 1.5 + RNG.normal(size=N)})
    assert firesteel.fit(table, target="y", task="regression", **QUICK).report.curve is None


def test_traces_come_back_with_the_run(tmp_path) -> None:
    for name, table, target in (("curve", line(), "y"), ("plane", plane(), "kind")):
        model = firesteel.fit(table, target=target, output=tmp_path / name, **QUICK)
        again = firesteel.load(tmp_path / name).report
        assert getattr(again, name).to_dict() == getattr(model.report, name).to_dict()
