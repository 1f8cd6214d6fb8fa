"""How training shows pictures: measured on val pictures, taken as asked for, skipped where it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.data.pictures import Form
from firesteel.data.schema import Target
from firesteel.features import PictureFeatures
from firesteel.model import views
from firesteel.model.material import Material
from firesteel.model.views import ERASED, FLIPPED, MOVED, measure_views
from firesteel.nets import Views
from firesteel.recipe import make_recipe

TARGET = Target("target", "binary", "as you said", classes=("a", "b"))
FEATURES = PictureFeatures(Form(2, 2, 1), TARGET, 0.0, 1.0, 0.0)


def material(n_train=300, n_val=150, *, n_folds=None):
    n = n_train + n_val
    x = np.arange(n * 4, dtype=np.uint8).reshape(n, 4)
    folds = None if n_folds is None else np.arange(n) % n_folds
    return Material(
        FEATURES, np.arange(n), n_train, x, np.empty((n, 0), np.int64), np.arange(n), folds
    )  # y numbers the rows


@pytest.fixture
def pilots(monkeypatch):
    """Stands for the trainings: the val loss of each kind of views, and which were asked for."""
    found: dict[str, object] = {"losses": lambda _: 1.0, "seen": [], "parts": []}

    def pilot(seen, parts, **_):
        found["seen"].append(seen)
        found["parts"].append(parts)
        return found["losses"](seen)

    monkeypatch.setattr(views, "_pilot", pilot)
    return found


def measured(recipe, *, rows=None):
    rows = rows or material()
    y = torch.from_numpy(rows.y)
    return measure_views(make_recipe(**recipe), rows, start=lambda _: None, targets=y, n_crew=1)


def test_what_helps_is_kept_and_built_upon(pilots) -> None:
    pilots["losses"] = lambda seen: 1.0 - 0.2 * bool(seen.shift) + 0.2 * bool(seen.flip) - 0.2 * bool(seen.erase)
    kept, choices = measured({"net": "conv"})
    assert kept == Views(**MOVED["conv"], **ERASED)
    assert pilots["seen"] == [
        Views(),
        Views(**MOVED["conv"]),
        Views(**MOVED["conv"], **FLIPPED),
        Views(**MOVED["conv"], **ERASED),
    ]
    assert {choice.name: choice.value for choice in choices} == {**MOVED["conv"], "flip": 0.0, **ERASED}
    assert "val loss 0.8 with it, 1 without" in choices[0].reason


def test_a_gain_that_may_be_luck_is_not_taken(pilots) -> None:
    pilots["losses"] = lambda seen: 1.0 if seen == Views() else 0.98
    assert measured({"net": "conv"})[0] == Views()


def test_a_loss_that_is_no_number_is_not_taken(pilots) -> None:
    pilots["losses"] = lambda seen: 1.0 if seen == Views() else float("nan")
    assert measured({"net": "conv"})[0] == Views()


def test_the_pilot_of_a_linear_net_is_skipped(pilots) -> None:
    assert measured({"net": "linear"}) == (Views(), ())
    assert pilots["seen"] == []


def test_what_is_asked_for_is_taken_and_the_rest_measured(pilots) -> None:
    kept, choices = measured({"net": "conv", "flip": 0.3, "rotate": 0.0})
    assert kept == Views(flip=0.3)
    assert all(seen.flip == 0.3 and seen.rotate == 0 for seen in pilots["seen"])
    assert {choice.name for choice in choices} == {"shift", "scale", "erase"}


def test_nothing_is_measured_where_all_is_asked_for(pilots) -> None:
    asked = {"shift": 0.1, "rotate": 0.0, "scale": 0.0, "erase": 0.0, "flip": 0.0}
    assert measured({"net": "conv", **asked}) == (Views(**asked), ())
    assert pilots["seen"] == []


def test_few_val_pictures_say_too_little(pilots) -> None:
    kept, choices = measured({"net": "conv"}, rows=material(300, 99))
    assert kept == Views()
    assert pilots["seen"] == []
    assert {choice.name for choice in choices} == {"shift", "rotate", "scale", "flip", "erase"}
    assert "under 100 val pictures" in choices[0].reason


@pytest.mark.parametrize("n_folds", [None, 3])
def test_a_pilot_is_judged_on_pictures_that_it_does_not_learn_from(pilots, n_folds) -> None:
    rows = material(4_000, 2_000, n_folds=n_folds)
    measured({"net": "conv"}, rows=rows)
    train, val = pilots["parts"][0]
    is_val = np.arange(6_000) >= 4_000 if n_folds is None else rows.folds == 0
    assert is_val[val.y].all()
    assert not is_val[train.y].any()
    assert 1_000 < train.n_rows <= views.N_PILOT_TRAIN
    assert 500 < val.n_rows <= views.N_PILOT_VAL
    assert np.ptp(train.y.numpy()) > 3_900  # from all over the set
    np.testing.assert_array_equal(train.inputs[0], rows.x_num[train.y])
