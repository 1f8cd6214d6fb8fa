"""Tables of pixels are seen as pictures; other tables stay tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from firesteel.data.pixel_columns import pixels_of_columns
from firesteel.data.table import Table

NOISE = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 1), dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
GREY = COLOUR[..., :1]
DIGITS = [3, 1, 4, 1, 3, 4]


def table(numbers: npt.NDArray[Any], names: list[str] | None = None, **labels: list[Any]) -> Table:
    flat = numbers.reshape(len(numbers), -1)
    names = names or [f"pixel{i}" for i in range(flat.shape[1])]
    kind = np.float64 if flat.dtype.kind == "f" else np.int64
    frame = pl.DataFrame({name: flat[:, i].astype(kind) for i, name in enumerate(names)})
    return Table(pl.DataFrame(labels).hstack(frame) if labels else frame, "t")


def test_a_table_with_a_label_first_is_pictures_with_a_notice() -> None:
    reading = pixels_of_columns(table(GREY, label=DIGITS), target=None)
    assert reading is not None
    assert (reading.pixels == GREY).all()
    assert reading.labels == ("3", "1", "4", "1", "3", "4")
    assert reading.notices == ("256 columns are seen as 16 x 16 pixels (--no-pictures reads them as columns)",)


@pytest.mark.parametrize("target", ["what", 0, -257, None])
def test_the_target_may_be_a_name_a_number_or_the_one_column_too_many(target: str | int | None) -> None:
    reading = pixels_of_columns(table(GREY, what=["a", "b"] * 3), target=target)
    assert reading is not None
    assert reading.labels == ("a", "b", "a", "b", "a", "b")


def test_pixels_alone_are_pictures_without_labels() -> None:
    reading = pixels_of_columns(table(GREY), target=None)
    assert reading is not None
    assert reading.labels is None
    assert (reading.pixels == GREY).all()


def test_a_label_of_numbers_at_the_end_without_a_name_is_found() -> None:
    frame = table(GREY).frame.with_columns(c256=pl.Series(DIGITS))
    reading = pixels_of_columns(Table(frame, "t"), target=None)
    assert reading is not None
    assert reading.labels == ("3", "1", "4", "1", "3", "4")


@pytest.mark.parametrize("numbers", [GREY / 255, GREY.astype(float)])
def test_fractions_and_whole_floats_are_pixels(numbers: npt.NDArray[Any]) -> None:
    reading = pixels_of_columns(table(numbers, label=DIGITS), target="label")
    assert reading is not None
    assert (reading.pixels == GREY).all()


def test_zeros_and_ones_are_black_and_white() -> None:
    reading = pixels_of_columns(table(GREY > 99, label=DIGITS), target="label")
    assert reading is not None
    assert (reading.pixels == np.where(GREY > 99, 255, 0)).all()


def test_three_squares_are_planes_of_colours() -> None:
    reading = pixels_of_columns(table(np.moveaxis(COLOUR, 3, 1), label=DIGITS), target="label")
    assert reading is not None
    assert (reading.pixels == COLOUR).all()
    assert "16 x 16 pixels in planes of R, G, B" in reading.notices[0]


@pytest.mark.parametrize("pattern", ["{c}{i}", "pixel{i}_{c}", "{i}.{c}"])
def test_names_may_say_that_colours_stand_together(pattern: str) -> None:
    names = [pattern.format(i=i, c=c) for i in range(256) for c in "RGB"]
    reading = pixels_of_columns(table(COLOUR, names, label=DIGITS), target="label")
    assert reading is not None
    assert (reading.pixels == COLOUR).all()
    assert "side by side" in reading.notices[0]


@pytest.mark.parametrize(
    "numbers",
    [
        GREY[:, :15, :15],
        GREY[:, :, :15],
        GREY.astype(int) * 2,
        GREY.astype(int) - 128,
        GREY / 100,
        np.where(GREY > 250, np.nan, GREY),
    ],
    ids=["15 x 15", "no square", "256", "-1", "fractions beyond 1", "NaN"],
)
def test_other_numbers_are_no_pixels(numbers: npt.NDArray[Any]) -> None:
    assert pixels_of_columns(table(numbers, label=DIGITS), target="label") is None


@pytest.mark.parametrize("numbers", [NOISE, NOISE > 99, np.zeros_like(NOISE)], ids=["numbers", "yes and no", "nothing"])
def test_columns_whose_neighbours_are_not_alike_are_no_pixels(numbers: npt.NDArray[Any]) -> None:
    assert pixels_of_columns(table(numbers, label=DIGITS), target="label") is None


def test_a_gap_or_a_word_makes_it_a_table() -> None:
    frame = table(GREY).frame
    gap = frame.with_columns(pixel0=pl.Series([None, 1, 2, 3, 4, 5]))
    word = frame.with_columns(pixel0=pl.Series(list("abcdef")))
    assert pixels_of_columns(Table(gap, "t"), target=None) is None
    assert pixels_of_columns(Table(word, "t"), target=None) is None
