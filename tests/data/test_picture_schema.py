"""The schema of pictures: what is learned from them, by their labels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from firesteel.data import PICTURE, Pictures, read_picture_schema
from firesteel.data.picture_schema import count_classes
from firesteel.data.pictures import TARGET
from firesteel.errors import DataError, RecipeError


def pictures(labels: list[str | None] | None) -> Pictures:
    n = 4 if labels is None else len(labels)
    columns: dict[str, pl.Series] = {PICTURE: pl.Series(range(n)), "file": pl.Series([f"{i}.png" for i in range(n)])}
    if labels is not None:
        columns[TARGET] = pl.Series(labels, dtype=pl.String)
    return Pictures(pl.DataFrame(columns), "set", pixels=np.zeros((n, 5, 7, 3), np.uint8))


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["cat", "dog", "cat", "dog"], "binary", ("cat", "dog")),
        (["0", "1", "0", "1"], "binary", ("0", "1")),
        (["10", "9", "2", "9"], "multiclass", ("2", "9", "10")),
        ([str(i) for i in range(200)] * 2, "multiclass", tuple(str(i) for i in range(200))),  # counted on a table
        (["0.5", "1.5", "2", "7.25"], "regression", ()),
        (["cat", "1.5", "2", "dog", "2"], "multiclass", ("1.5", "2", "cat", "dog")),
        ([str(i) for i in range(1_001)], "regression", ()),  # more are no classes
    ],
)
def test_words_and_whole_numbers_are_classes(labels: list[str | None], task: str, classes: tuple[str, ...]) -> None:
    target = read_picture_schema(pictures(labels)).target
    assert (target.task, target.classes) == (task, classes)


def test_a_task_that_is_asked_for_is_taken() -> None:
    target = read_picture_schema(pictures(["1", "2", "3", "5"]), task="regression").target
    assert (target.task, target.reason) == ("regression", "as you said")
    with pytest.raises(RecipeError, match="needs numbers"):
        read_picture_schema(pictures(["a", "b", "a", "b"]), task="regression")


def test_the_one_column_is_the_picture() -> None:
    schema = read_picture_schema(pictures(["a", "b", "a", "b"]))
    assert [(column.name, column.kind, column.is_used) for column in schema.columns] == [("picture", "picture", True)]
    assert schema.columns[0].reason == "5 x 7, RGB; 4 different ones"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", None, "b", "a"], "1 picture has no label and is left out"),
        (["a", None, "b", None], "2 pictures have no label and are left out"),
    ],
)
def test_pictures_without_a_label_are_counted(labels: list[str | None], said: str) -> None:
    assert read_picture_schema(pictures(labels)).notices == (said,)


def test_a_label_of_its_own_for_each_picture_is_no_class() -> None:
    with pytest.raises(RecipeError, match="a different value in each of 4 rows"):
        read_picture_schema(pictures(["3", "1", "4", "15"]))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "need labels; 'set' has none"),
        (["a", "a", "a"], "all 3 are 'a'"),
        (["2.5", "2.5", None], "all 2 are '2.5'"),
        ([None, None], "all are missing"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels: list[str | None] | None, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_picture_schema(pictures(labels))
    assert "one sub-folder per class" in caught.value.hint


def test_classes_are_counted_the_largest_first() -> None:
    assert count_classes(pictures(["a", "b", "b", None])) == "2 'b', 1 'a'"
    assert count_classes(pictures(None)) == ""
    assert count_classes(pictures([f"{i:02}" for i in range(12)] + ["00"])).startswith("2 '00', 1 '")
    assert count_classes(pictures([f"{i:02}" for i in range(12)])).endswith(" and 2 more classes")
