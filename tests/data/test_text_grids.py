"""Drawings in text are pictures; tables in text are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firesteel.data.pictures import Form, Wish
from firesteel.data.text_grids import is_text_grid, read_text_grid
from firesteel.errors import DataError

T = np.array([[1, 1, 1], [0, 1, 0], [0, 1, 0]], np.uint8) * 255
L = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], np.uint8) * 255

ONES = "111\n010\n010\n\n100\n100\n111\n"
MARKS = ONES.replace("1", "#").replace("0", ".")
LEVELS = "255 255 255\n0 255 0\n0 255 0\n\n255 0 0\n255 0 0\n255 255 255\n"
SPACED = "1 1 1\n0 1 0\n0 1 0\n\n\n1 0 0\n1 0 0\n1 1 1"


def write(folder: Path, text: str, name: str = "letters.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [ONES, MARKS, LEVELS, SPACED, ONES.replace("\n", "\r\n"), f"\n\n{ONES}\n\n"])
def test_every_way_of_drawing_gives_the_same_pictures(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert is_text_grid(path)
    reading = read_text_grid(path, wish=Wish())
    assert (reading.pixels[..., 0] == np.stack([T, L])).all()
    assert reading.labels is None


@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [
        ("label: T\n", "label: L\n", ("T", "L")),
        ("Label: big T\n", "Label: L\n", ("big T", "L")),
        ("T\n", "L\n", ("T", "L")),
        ("1\n", "10\n", ("1", "10")),
        ("T\n\n", "L\n\n", ("T", "L")),
        ("T\n", "", ("T", None)),
    ],
)
@pytest.mark.parametrize("text", [ONES, MARKS, LEVELS])
def test_a_line_above_a_drawing_is_its_label(
    tmp_path: Path, text: str, first: str, second: str, labels: tuple[str | None, ...]
) -> None:
    one, two = text.split("\n\n")
    path = write(tmp_path, f"{first}{one}\n\n{second}{two}")
    assert is_text_grid(path)
    assert read_text_grid(path, wish=Wish()).labels == labels


def test_one_drawing_is_known_by_its_label_or_the_ending(tmp_path: Path) -> None:
    one = ONES.partition("\n\n")[0]
    assert is_text_grid(write(tmp_path, f"label: T\n{one}"))
    assert is_text_grid(write(tmp_path, one, "t.grid"))
    assert not is_text_grid(write(tmp_path, one))


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a\tb\n1\t2\n3\t4\n",
        "1 2 3\n4 5 6\n7 8 9\n",
        "0\n1\n0\n\n1\n1\n0\n",
        "x y z\n1 2 3\n4 5 6\n\n1 2 3\n4 5 6\n7 8 9\n",
        "5.1 3.5 1.4\n4.9 3.0 1.4\n1 1 1\n\n5.1 3.5 1.4\n4.9 3.0 1.4\n1 1 1\n",
        "words and more\n\nwords and more\n",
        "1 2 3\n1 2 3\n1 2 3\n\n1 2 300\n1 2 3\n1 2 3\n",
        "111\n010\n010\n\n1000\n1000\n1111\n1111\n",
        "",
    ],
)
def test_tables_and_prose_are_no_drawings(tmp_path: Path, text: str) -> None:
    assert not is_text_grid(write(tmp_path, text))


def test_other_files_are_no_drawings(tmp_path: Path) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe01")
    assert not any(is_text_grid(tmp_path / name) for name in ("bytes.txt", "none.txt", "."))
    assert not is_text_grid(write(tmp_path, ONES, "letters.csv"))


def test_a_long_file_is_known_by_its_beginning(tmp_path: Path) -> None:
    path = write(tmp_path, ONES.rstrip() + f"\n\n{ONES}" * 10_000)
    assert is_text_grid(path)


def test_drawings_of_other_sizes_are_fitted_with_a_notice(tmp_path: Path) -> None:
    path = write(tmp_path, f"{ONES}\n11\n11\n", "letters.grid")
    reading = read_text_grid(path, wish=Wish())
    assert reading.pixels.shape == (3, 3, 3, 1)
    assert reading.notices == ("1 of 3 drawings have another size and were fitted to 3 x 3, grey",)
    assert read_text_grid(path, wish=Wish(form=Form(6, 6, 3))).pixels.shape == (3, 6, 6, 3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{ONES}\n121\n131\n", "line 10 of 'letters.grid' is '131'"),
        (f"{ONES}\n111\n121\n", "line 1 of 'letters.grid' is '111'"),
        (f"{ONES}\nT\n", "line 9 of 'letters.grid' is 'T'"),
        (f"{MARKS}\n111\n111\n", "line 1 of 'letters.grid' is '###'"),
        ("\n\n", "'letters.grid' has none"),
    ],
)
def test_what_is_no_drawing_is_refused_with_its_line(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_text_grid(write(tmp_path, text, "letters.grid"), wish=Wish())


def test_lines_that_end_early_are_filled_up_with_black_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ragged.grid"
    path.write_text("label: 7\n111\n001\n001\n\nlabel: L\n1\n1\n111\n")
    pictures = read_text_grid(path, wish=Wish())
    assert (pictures.pixels[1, :, :, 0] > 0).tolist() == [
        [True, False, False],
        [True, False, False],
        [True, True, True],
    ]
    assert pictures.notices == (
        "'ragged.grid': 2 of the 3 lines from line 7 on are shorter than 3 pixels, the first is line 7: "
        "they are filled up with black on the right",
    )
