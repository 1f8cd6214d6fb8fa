"""Whatever a user gives: told apart as pictures or a table, and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from firesteel.data import Pictures, Wish, read_input
from firesteel.data.picture_sources import is_pictures
from firesteel.data.pictures import Form
from firesteel.errors import DataError, RecipeError

Arrays = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def pixel_table(make_pictures: Callable[..., Arrays]) -> pl.DataFrame:
    """60 pictures of 16 x 16 as 256 columns, and their side."""
    x, y = make_pictures()
    x = np.kron(x ^ np.random.default_rng(0).integers(0, 128, x.shape, dtype=np.uint8), np.ones((2, 2), np.uint8))
    flat = x.reshape(60, -1)
    return pl.DataFrame({"side": y, **{f"p{i}": flat[:, i] for i in range(256)}})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (np.zeros((5, 3)), False),
        (np.zeros((5, 3, 3)), True),
        (torch.zeros(5, 1, 3, 3), True),
        ((np.zeros((5, 3, 3)), np.zeros(5)), True),
        ((np.zeros((5, 3)), np.zeros(5)), False),
        ([[1, 2], [3, 4]], False),
        ([np.zeros((3, 3)), np.zeros((3, 3))], True),
        (["a.png", Path("b.png")], True),
        ([], False),
        ("mnist", True),
        ("iris", False),
        ("nowhere.png", True),
        ("nowhere.NPZ", True),
        ("nowhere.csv", False),
        ("nowhere", False),
        (pl.DataFrame({"a": [1]}), False),
    ],
)
def test_pictures_are_told_from_tables(source: Any, expected: bool) -> None:
    assert is_pictures(source) == expected


def test_files_are_told_by_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "drawing.grid").write_text("label: a\n.##.\n.##.\n")
    Image.new("L", (2, 2)).save(tmp_path / "one.PNG")
    assert is_pictures(tmp_path)
    assert is_pictures(tmp_path / "one.PNG")
    assert is_pictures(tmp_path / "drawing.grid")
    assert not is_pictures(tmp_path / "rows.csv")


def test_a_folder_is_pictures_and_a_file_a_table(make_pictures_folder: Callable[..., Path], tmp_path: Path) -> None:
    found, test = read_input(make_pictures_folder(tmp_path / "sides", 6))
    assert isinstance(found, Pictures)
    assert found.form == Form(8, 8, 1)
    assert test is None
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert read_input(tmp_path / "rows.csv")[0].frame.columns == ["a", "b"]


def test_columns_of_pixels_become_pictures_unless_not_wished(pixel_table: pl.DataFrame) -> None:
    found, _ = read_input(pixel_table, target="side")
    assert isinstance(found, Pictures)
    assert found.form == Form(16, 16, 1)
    assert "--no-pictures" in found.notices[0]
    assert not isinstance(read_input(pixel_table, target="side", as_pictures=False)[0], Pictures)


def test_a_test_table_becomes_pictures_with_the_other(pixel_table: pl.DataFrame) -> None:
    found, test = read_input(pixel_table[:40], target="side", test=pixel_table[40:])
    assert isinstance(test, Pictures)
    assert (found.n_rows, test.n_rows) == (40, 20)


def test_a_test_table_of_other_columns_is_refused(pixel_table: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="pixels of the training pictures"):
        read_input(pixel_table[:40], target="side", test=pixel_table[40:].select("side", "p0", "p1"))


def test_pictures_that_are_wished_for_in_other_tables_are_refused() -> None:
    with pytest.raises(RecipeError, match="one pixel a column"):
        read_input(pl.DataFrame({"a": [1, 2], "b": [3, 4]}), as_pictures=True)


def test_test_pictures_are_fitted_to_the_others(make_pictures: Callable[..., Arrays]) -> None:
    x, y = make_pictures(20)
    large, sides = make_pictures(6, form=(16, 12, 3), seed=2)
    found, test = read_input(x, y, test=(large, sides))
    assert isinstance(test, Pictures)
    assert isinstance(found, Pictures)
    assert test.form == found.form
    assert test.frame["target"].to_list() == sides.tolist()


def test_a_wish_of_a_form_holds_for_both_sets(make_pictures: Callable[..., Arrays]) -> None:
    x, y = make_pictures(20)
    both = read_input(x, y, test=make_pictures(6, seed=2), wish=Wish(form=Form(4, 5, 3)))
    assert [part.pixels.shape[1:] for part in both if isinstance(part, Pictures)] == [(4, 5, 3)] * 2


@pytest.mark.parametrize("name", ["gone.png", "gone.npz"])
def test_pictures_that_are_not_there_are_missed_as_pictures(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="pictures are a file, a folder or a named set; there is no"):
        read_input(tmp_path / name)


def test_taking_neighbours_shares_their_memory(make_pictures: Callable[..., Arrays]) -> None:
    found, _ = read_input(*make_pictures(20))
    assert isinstance(found, Pictures)
    run, some = found.take(np.arange(5, 9)), found.take(np.array([3, 1, 2]))
    assert np.shares_memory(run.pixels, found.pixels)
    np.testing.assert_array_equal(run.pixels, found.pixels[5:9])
    np.testing.assert_array_equal(some.pixels, found.pixels[[3, 1, 2]])
    assert some.frame["file"].to_list() == ["#3", "#1", "#2"]
    assert found.take(np.array([], np.int64)).n_rows == 0
