"""Pictures as rows of grey levels: in their form, and turned where the net knows the reverse."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from firesteel.data import PICTURE, Pictures
from firesteel.data.schema import Target
from firesteel.errors import DataError, ModelError
from firesteel.features import PictureFeatures, fit_pictures
from firesteel.features.pixels import border_levels

TARGET = Target("target", "binary", "as you said", classes=("a", "b"))


def pictures(x: np.ndarray) -> Pictures:
    pixels = x[..., None] if x.ndim == 3 else x
    frame = pl.DataFrame({PICTURE: range(len(x)), "file": [f"#{i}" for i in range(len(x))]})
    return Pictures(frame, "set", pixels=pixels)


def framed(*levels: int) -> np.ndarray:
    """Pictures `(n, 6, 5)` with a border of these grey levels around noise."""
    x = np.random.default_rng(0).integers(0, 256, (len(levels), 6, 5), dtype=np.uint8)
    for one, level in zip(x, levels, strict=True):
        one[[0, -1]] = one[:, [0, -1]] = level
    return x


def fitted(*levels: int) -> PictureFeatures:
    return fit_pictures(TARGET, pictures(framed(*levels)))


def test_a_row_is_a_picture_line_by_line():
    x = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    batch = fit_pictures(TARGET, pictures(x)).encode(pictures(x))
    np.testing.assert_array_equal(batch.x_num, x.reshape(2, 36))
    assert batch.x_num.dtype == np.uint8
    assert batch.x_cat.shape == (2, 0)


def test_rows_share_the_memory_of_the_pictures():
    given = pictures(framed(10, 10, 10))
    assert np.shares_memory(fit_pictures(TARGET, given).encode(given).x_num, given.pixels)


@pytest.mark.parametrize(("trained", "reverse"), [(10, 250), (250, 10)], ids=["dark", "bright"])
def test_a_reversed_background_is_turned_and_counted(trained, reverse):
    x = framed(trained, reverse, reverse)
    turned, odd = fitted(*[trained] * 10).as_learned(pictures(x))
    np.testing.assert_array_equal(turned.pixels[0, ..., 0], x[0])
    np.testing.assert_array_equal(turned.pixels[1:, ..., 0], 255 - x[1:])
    word = "dark" if trained == 10 else "bright"
    said = f"2 pictures with a background unlike training's, which was {word}: read as the negative"
    assert [one.text for one in odd] == [said]


def test_what_is_trained_on_is_never_turned():
    x = pictures(framed(*[10] * 300, 250))
    np.testing.assert_array_equal(fit_pictures(TARGET, x).encode(x).x_num, x.pixels.reshape(301, -1))


@pytest.mark.parametrize("level", [64, 128, 192])
def test_a_background_in_between_is_left_alone(level):
    assert fitted(*[10] * 10).as_learned(pictures(framed(level, level)))[1] == ()


def test_training_pictures_of_both_kinds_turn_nothing():
    assert fitted(*[10] * 300, 250).as_learned(pictures(framed(250, 10)))[1] == ()


def test_a_border_is_all_outermost_pixels():
    x = framed(3, 200)
    np.testing.assert_array_equal(border_levels(x[..., None]), [3, 200])
    assert border_levels(np.full((1, 1, 1, 3), 7, np.uint8)) == [7]


def test_pictures_of_another_form_are_refused():
    features = fitted(10, 20)
    with pytest.raises(DataError, match="reads pictures of 6 x 5, grey; these are 5 x 6"):
        features.encode(pictures(np.zeros((2, 5, 6), np.uint8)))


def test_pictures_that_are_all_one_are_refused():
    same = pictures(framed(10, 20))
    same = Pictures(same.frame.with_columns(pl.lit(3).alias(PICTURE)), "set", pixels=same.pixels)
    with pytest.raises(DataError, match="pictures that differ; all 2 are equal"):
        fit_pictures(TARGET, same)


def test_features_survive_their_record_as_json():
    features = fitted(10, 20, 250)
    assert PictureFeatures.from_dict(json.loads(json.dumps(features.to_dict()))) == features


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("form", {"height": 0, "width": 5, "channels": 1}),
        ("form", {"height": 5, "width": 5, "channels": 2}),
        ("form", {"height": 2**20, "width": 2**20, "channels": 3}),
        ("form", [5, 5, 1]),
        ("form", None),
        ("share_dark", "bright"),
        ("target", {}),
    ],
)
def test_an_edited_record_is_a_model_error(field, value):
    with pytest.raises(ModelError, match="as fit wrote them"):
        PictureFeatures.from_dict(fitted(10, 20).to_dict() | {field: value})
