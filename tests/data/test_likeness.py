"""Copies of pictures are found, and different pictures are not taken for copies."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from firesteel.data.likeness import find_units
from firesteel.data.named_sets import read_named_set
from firesteel.data.pictures import Wish

Pixels = npt.NDArray[np.uint8]


def photos(n: int, *, side: int = 64, seed: int = 0) -> Pixels:
    """Smooth coloured pictures (n, side, side, 3), all different."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in coarse])


def strokes(n: int, seed: int = 0) -> Pixels:
    """White lines on black (n, 28, 28, 1), like the digit 1: alike, but each its own."""
    rng = np.random.default_rng(seed)
    sheets = []
    for _ in range(n):
        sheet = Image.new("L", (112, 112))
        low, high = rng.uniform(25, 85, 2)
        ImageDraw.Draw(sheet).line((low, 100, high, 14), fill=255, width=int(rng.integers(6, 20)))
        sheets.append(np.asarray(sheet.resize((28, 28), Image.Resampling.BOX)))
    return np.stack(sheets)[..., None]


def as_jpeg(picture: Pixels) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


def there_and_back(picture: Pixels) -> Pixels:
    side = len(picture)
    small = Image.fromarray(picture).resize((side * 3 // 4, side * 3 // 4), Image.Resampling.BILINEAR)
    return np.asarray(small.resize((side, side), Image.Resampling.BILINEAR))


def noisy(picture: Pixels) -> Pixels:
    noise = np.random.default_rng(1).integers(-2, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def brighter(picture: Pixels) -> Pixels:
    return np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8)


def test_equal_pictures_have_one_number_in_all_parts_in_order_of_appearance() -> None:
    some = photos(3)
    units = find_units([some[[0, 1, 0]], some[[2, 1]]])
    assert [one.tolist() for one in units] == [[0, 1, 0], [2, 1]]


@pytest.mark.parametrize("copy", [as_jpeg, there_and_back, noisy, brighter])
@pytest.mark.parametrize("n", [40, 2_000], ids=["every pair", "by hash"])
def test_a_copy_of_a_photo_is_found(copy: Callable[[Pixels], Pixels], n: int) -> None:
    some = photos(n, side=32)
    copies = np.stack([copy(one) for one in some[:100]])
    first, second = find_units([some, copies])
    assert len(set(first.tolist())) == n
    assert np.mean(first[:100] == second) >= 0.99


def test_strokes_that_are_alike_stay_different() -> None:
    assert len(set(find_units([strokes(300)])[0].tolist())) >= 295


def test_pictures_that_differ_only_in_colour_are_different() -> None:
    red = np.zeros((1, 16, 16, 3), np.uint8)
    red[:, 4:12, 4:12, 0] = 200
    assert [one.tolist() for one in find_units([red, red[..., ::-1]])] == [[0], [1]]


def test_blank_pictures_of_other_greys_are_different() -> None:
    greys = np.repeat(np.arange(0, 250, 10, dtype=np.uint8), 2)[:, None, None, None]
    units = find_units([np.broadcast_to(greys, (50, 12, 12, 1))])[0]
    assert units.tolist() == np.repeat(np.arange(25), 2).tolist()


def test_pictures_of_one_pixel_and_no_pictures_work() -> None:
    one = np.zeros((1, 1, 1, 1), np.uint8)
    assert [units.tolist() for units in find_units([one, one[:0], one + 255])] == [[0], [], [1]]


@pytest.mark.parametrize("spread", [0, 2])
def test_thousands_of_blank_pictures_take_no_long_time(spread: int) -> None:
    rng = np.random.default_rng(0)
    blank = (128 + rng.integers(-spread, spread + 1, (5_000, 28, 28, 1))).astype(np.uint8)
    start = time.perf_counter()
    units = find_units([blank])[0]
    assert time.perf_counter() - start < 3
    assert len(set(units.tolist())) == (5_000 if spread else 1)


@pytest.mark.data
def test_the_cat_that_stands_in_both_sets_is_found_and_digits_stay_different() -> None:
    if not os.environ.get("FIRESTEEL_DATA"):
        pytest.skip("FIRESTEEL_DATA does not name the folder of real pictures")
    cats = read_named_set("cats", wish=Wish(is_offline=True))
    digits = read_named_set("mnist", wish=Wish(is_offline=True))
    assert cats.test is not None
    assert digits.test is not None
    train, test = find_units([cats.pixels, cats.test.pixels])
    assert set(train.tolist()) & set(test.tolist()) == {146}
    assert len({*train.tolist(), *test.tolist()}) == 258
    train, test = find_units([digits.pixels, digits.test.pixels])
    assert len({*train.tolist(), *test.tolist()}) >= 69_980
    assert not set(train.tolist()) & set(test.tolist())
