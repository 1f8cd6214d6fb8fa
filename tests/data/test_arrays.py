"""Arrays of any usual layout and range are the same pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest
import torch

from firesteel.data.arrays import fit_array, is_picture_array, read_arrays
from firesteel.data.pictures import Form, Wish
from firesteel.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 8, 9, 1), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 8, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "source",
    [
        GREY[..., 0],
        GREY,
        np.moveaxis(GREY, 3, 1),
        torch.tensor(GREY[..., 0]),
        list(GREY[..., 0]),
        GREY[..., 0].tolist(),
    ],
    ids=["(n, h, w)", "(n, h, w, 1)", "(n, 1, h, w)", "tensor", "list of arrays", "lists"],
)
def test_every_layout_of_grey_pictures_is_read_alike(source: Any) -> None:
    assert is_picture_array(source)
    reading = read_arrays(source, wish=Wish())
    assert (reading.pixels == GREY).all()
    assert reading.pixels.shape == GREY.shape
    assert reading.labels is None
    assert reading.names[-1] == "#4"


@pytest.mark.parametrize("source", [COLOUR, np.moveaxis(COLOUR, 3, 1), list(COLOUR)])
def test_every_layout_of_colours_is_read_alike(source: Any) -> None:
    assert is_picture_array(source)
    assert (read_arrays(source, wish=Wish()).pixels == COLOUR).all()


@pytest.mark.parametrize(
    "numbers",
    [
        GREY.astype(np.int64),
        GREY.astype(np.float64),
        GREY / 255,
        (GREY / 255).astype(np.float16),
        torch.tensor(GREY) / 255,
    ],
    ids=["int64", "float64", "0..1", "float16", "tensor 0..1"],
)
def test_every_range_of_numbers_is_read_alike(numbers: Any) -> None:
    assert (read_arrays(numbers, wish=Wish()).pixels == GREY).all()


def test_fractions_are_scaled_with_a_notice_and_booleans_without() -> None:
    assert "0 (black) to 1 (white)" in read_arrays(GREY / 255, wish=Wish()).notices[0]
    reading = read_arrays(GREY > 99, wish=Wish())
    assert set(np.unique(reading.pixels)) == {0, 255}
    assert not reading.notices


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        (GREY / 100 - 1, "from -1 to 1.55, 1"),
        (GREY.astype(np.int16) + 1, r"from 1 to 256, \d+ of 360 are outside"),
        (np.where(GREY > 250, np.nan, GREY), "are NaN and 0 infinite"),
        (np.where(GREY > 250, np.inf, GREY), "0 are NaN and"),
        (GREY.astype(str), "dtype is <U3"),
        (GREY[:, :, :0], r"shape is \(5, 8, 0, 1\)"),
        (COLOUR[:, :, :, :2], r"shape is \(5, 8, 9, 2\)"),
    ],
)
def test_numbers_that_are_no_pixels_are_refused_with_what_was_found(numbers: npt.NDArray[Any], found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_arrays(numbers, wish=Wish())


def test_numbers_from_minus_1_to_1_come_with_the_way_back() -> None:
    with pytest.raises(DataError) as error:
        read_arrays(GREY / 127.5 - 1, wish=Wish())
    assert error.value.hint == "(X + 1) / 2"


def test_channels_that_could_be_first_or_last_are_said() -> None:
    reading = read_arrays(COLOUR[:, :3], wish=Wish())
    assert reading.pixels.shape == (5, 3, 9, 3)
    assert "axis 1 or 3: axis 3 is taken" in reading.notices[0]


def test_alpha_is_put_on_white() -> None:
    alpha = np.full((5, 8, 9, 1), 255, np.uint8)
    alpha[0] = 0
    pixels = read_arrays(np.concatenate([COLOUR, alpha], 3), wish=Wish()).pixels
    assert (pixels[0] == 255).all()
    assert (pixels[1:] == COLOUR[1:]).all()


def test_one_picture_in_colour_is_one_picture() -> None:
    reading = read_arrays(COLOUR[0], wish=Wish())
    assert reading.pixels.shape == (1, 8, 9, 3)
    assert "one picture of 8 x 9" in reading.notices[0]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], ("1", "2", "3", "4", "5")),
        (np.array(["a", "b", "a", "b", "a"]), ("a", "b", "a", "b", "a")),
        (pd.Series([3, 1, 2, 0, 9]), ("3", "1", "2", "0", "9")),
        (pd.Series(["x", None, "x", "y", "y"], name="kind"), ("x", None, "x", "y", "y")),
        (pl.Series(["x", "y", None, "x", "y"]), ("x", "y", None, "x", "y")),
        (torch.tensor([[1], [0], [1], [0], [1]]), ("1", "0", "1", "0", "1")),
    ],
)
def test_labels_of_every_type_are_words(y: Any, words: tuple[str, ...]) -> None:
    assert read_arrays(GREY, y, wish=Wish()).labels == words


def test_a_tuple_of_pictures_and_labels_is_both() -> None:
    source = (GREY[..., 0], [1, 2, 3, 4, 5])
    assert is_picture_array(source)
    assert read_arrays(source, wish=Wish()).labels == ("1", "2", "3", "4", "5")


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="there are 5 pictures and 3 labels"):
        read_arrays(GREY, [1, 2, 3], wish=Wish())


def test_labels_with_two_columns_are_refused() -> None:
    with pytest.raises(DataError, match="2 columns"):
        read_arrays(GREY, np.zeros((5, 2)), wish=Wish())


@pytest.mark.parametrize("source", [np.zeros((5, 3)), [[1, 2], [3, 4]], [[1], [2, 3]], [], pl.DataFrame({"a": [1]}), 7])
def test_tables_and_other_things_are_no_pictures(source: Any) -> None:
    assert not is_picture_array(source)


def test_pictures_are_fitted_to_the_wished_form_with_their_aspect() -> None:
    wide = np.full((1, 10, 20, 1), 200, np.uint8)
    reading = read_arrays(wide, wish=Wish(form=Form(8, 8, 3)))
    assert reading.pixels.shape == (1, 8, 8, 3)
    assert (reading.pixels == 200).all()
    assert reading.notices == ("pictures of 10 x 20 were fitted to 8 x 8",)


def test_a_border_is_padded_with_its_own_median() -> None:
    one = np.full((1, 4, 8, 1), 40, np.uint8)
    one[:, 1:3, 1:7] = 250
    fitted = fit_array(one, Form(8, 8, 1))[0, ..., 0]
    assert (fitted[:2] == 40).all()
    assert (fitted[2:6] == one[0, ..., 0]).all()
