"""Pictures kept in a report: which are picked, how small they become, and that a stranger's are refused unseen."""

from __future__ import annotations

import base64
import io
import json
import struct
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from firesteel.evaluation.sights import (
    MAX_EXAMPLES,
    MAX_SIDE,
    MAX_TILE,
    MAX_TILES,
    MAX_WORST,
    Seen,
    Sights,
    find_sights,
    make_seen,
)

N = 200


def pictures(n: int = N, shape: tuple[int, int, int] = (6, 5, 1)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def answers(n: int = N, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)


def found(n: int = N, k: int = 4, shape: tuple[int, int, int] = (6, 5, 1), **more: Any) -> Sights:
    y, proba = answers(n, k)
    return find_sights(pictures(n, shape), y, proba=proba, names=[str(i) for i in range(n)], **more)


def png(array: np.ndarray, mode: str | None = None) -> str:
    target = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(target, format="PNG")
    return base64.b64encode(target.getvalue()).decode()


def test_the_worst_are_wrong_answers_the_surest_first() -> None:
    y, proba = answers()
    worst = found().worst
    assert len(worst) == MAX_WORST
    assert all(seen.is_wrong for seen in worst)
    sureness = [max(seen.proba) for seen in worst]
    assert sureness == sorted(sureness, reverse=True)
    assert sureness[0] == pytest.approx(proba.max(axis=1)[proba.argmax(axis=1) != y].max(), abs=1e-6)


def test_a_picture_stands_beside_its_own_answer_and_name() -> None:
    y, proba = answers()
    for seen in (*found().worst, *found().right, *found().examples):
        row = int(seen.name)
        assert np.array_equal(seen.pixels, pictures()[row])
        assert (seen.true, seen.pred) == (y[row], proba[row].argmax())


def test_right_answers_are_of_different_classes_then_close_calls() -> None:
    right = found().right
    assert not any(seen.is_wrong for seen in right)
    assert len({seen.true for seen in right[:3]}) == 3
    least = sorted(max(row) for code, row in zip(*answers(), strict=True) if row.argmax() == code)[:3]
    assert [max(seen.proba) for seen in right[3:]] == pytest.approx(least, abs=1e-6)


def test_each_frequent_mistake_has_its_surest_picture_as_example() -> None:
    y = np.array([0, 0, 0, 1, 2, 2])
    proba = np.array([[0.1, 0.9, 0], [0.2, 0.8, 0], [0.05, 0.95, 0], [0.4, 0, 0.6], [0, 0.7, 0.3], [0, 0, 1.0]])
    sights = find_sights(pictures(6), y, proba=proba, names=list("abcdef"))
    assert [seen.name for seen in sights.examples] == ["c", "d", "e"]
    assert len(found(2000, 10).examples) == MAX_EXAMPLES


def test_saliency_is_asked_for_once_and_kept_with_its_picture() -> None:
    asked = []

    def saliency(rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return pictures()[rows][..., 0]

    sights = found(saliency=saliency)
    assert len(asked) == 1
    assert {int(seen.name) for seen in sights.salient} == set(asked[0].tolist())
    assert all(np.array_equal(seen.saliency, seen.pixels[..., 0]) for seen in sights.salient)


def test_feature_maps_are_of_the_picture_that_they_are_kept_with() -> None:
    sights = found(maps=lambda row: pictures()[row, ..., 0][None])
    assert sights.maps is not None
    assert sights.maps_of is not None
    assert np.array_equal(sights.maps[0], sights.maps_of.pixels[..., 0])


def test_without_a_mistake_there_is_no_worst_and_nothing_fails() -> None:
    sights = find_sights(pictures(2), np.array([0, 1]), proba=np.eye(2), names=["a", "b"])
    assert (sights.worst, sights.examples, len(sights.right)) == ((), (), 2)


def test_large_pictures_are_kept_small_in_their_own_shape() -> None:
    def saliency(rows: np.ndarray) -> np.ndarray:
        return pictures(len(rows), (224, 112, 1))[..., 0]

    noise = pictures(80, (100, 100, 3))
    sights = found(
        60, shape=(224, 112, 3), saliency=saliency, filters=noise, maps=lambda _: pictures(3, (90, 45, 1))[..., 0]
    )
    assert sights.worst[0].pixels.shape == (MAX_SIDE, MAX_SIDE // 2, 3)
    assert sights.salient[0].saliency.shape == (MAX_SIDE, MAX_SIDE // 2)
    assert sights.filters.shape == (MAX_TILES, MAX_TILE, MAX_TILE, 3)
    assert sights.maps.shape == (3, MAX_TILE, MAX_TILE // 2)


def test_shrinking_keeps_the_mean_and_a_line_of_pixels_keeps_one() -> None:
    grey = make_seen(np.repeat(pictures(1, (64, 64, 1))[0], 2, axis=0).repeat(2, axis=1), "a", proba=[1.0])
    assert np.array_equal(grey.pixels, pictures(1, (64, 64, 1))[0])
    assert make_seen(np.zeros((1, 500, 3), np.uint8), "a", proba=[1.0]).pixels.shape == (1, 64, 3)


def test_sights_survive_json_pixel_by_pixel() -> None:
    sights = found(
        saliency=lambda rows: pictures()[rows][..., 0],
        filters=pictures(4, (3, 3, 3)),
        maps=lambda row: pictures()[row, ..., 0][None],
    )
    record = sights.to_dict()
    again = Sights.from_dict(json.loads(json.dumps(record, allow_nan=False)), n_classes=4)
    assert again.to_dict() == record
    assert np.array_equal(again.worst[0].pixels, sights.worst[0].pixels)
    assert np.array_equal(again.filters, sights.filters)
    assert again.worst[0].proba == sights.worst[0].proba


def test_the_arrays_of_sights_pass_a_check_of_types() -> None:
    sights = found(filters=pictures(4, (3, 3, 3)))
    assert TypeAdapter(Sights | None).validate_python(asdict(sights)).to_dict() == sights.to_dict()


def test_a_picture_may_have_no_true_class_and_a_name_that_is_not_utf_8() -> None:
    seen = make_seen(pictures(1)[0], "x" * 500 + "\udcff.png", proba=np.array([0.2, 0.8], np.float32))
    assert not seen.is_wrong
    assert seen.name.endswith("?.png")
    json.dumps(Sights(worst=(seen,)).to_dict(), ensure_ascii=False).encode()


def test_rounding_does_not_change_an_answer() -> None:
    assert make_seen(pictures(1)[0], "a", proba=[0.49999999, 0.50000001]).pred == 1
    assert make_seen(pictures(1)[0], "a", proba=[1.0000001, -1e-9]).proba == (1.0, 0.0)


def bomb() -> str:
    content = bytearray(base64.b64decode(png(np.zeros((4, 4), np.uint8))))
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    return base64.b64encode(content).decode()


HOSTILE: dict[str, Any] = {
    "a bomb": bomb(),
    "too large": png(np.zeros((65, 2), np.uint8)),
    "too long": "A" * 100_000,
    "no base64": "§$%",
    "no PNG": base64.b64encode(b"GIF89a" + bytes(100)).decode(),
    "cut off": base64.b64encode(base64.b64decode(png(pictures(1)[0, ..., 0]))[:45]).decode(),
    "with alpha": png(np.zeros((4, 4, 4), np.uint8)),
    "a palette": png(np.zeros((4, 4), np.uint8), "P"),
    "a number": 7,
    "nothing": None,
    "a list": [[1]],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_small_picture_is_refused(what: str) -> None:
    record = found().to_dict()
    record["worst"][0]["pixels"] = HOSTILE[what]
    with pytest.raises(ValueError, match="worst"):
        Sights.from_dict(record, n_classes=4)


@pytest.mark.parametrize(
    "change",
    [
        {"true": 4},
        {"true": -1},
        {"true": "a"},
        {"proba": [0.5, 0.5]},
        {"proba": []},
        {"proba": [2.0, 0, 0, 0]},
        {"proba": [float("nan"), 0, 0, 0]},
        {"name": "x" * 500},
        {"name": None},
        {"saliency": png(np.zeros((3, 3), np.uint8))},
        {"saliency": png(np.zeros((6, 5, 3), np.uint8))},
    ],
)
def test_a_picture_whose_answer_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    record = found().to_dict()
    record["right"][0] |= change
    with pytest.raises(ValueError, match=r"right|is not a picture of 4 classes|another size"):
        Sights.from_dict(record, n_classes=4)


@pytest.mark.parametrize(
    "tiles", [[], [png(pictures(1)[0, ..., 0])] * 65, [png(pictures(1)[0, :i, :, 0]) for i in (2, 3)], 3]
)
def test_filters_and_maps_are_a_bounded_list_of_one_shape(tiles: Any) -> None:
    for part in ("filters", "maps"):
        with pytest.raises(ValueError, match="filters and maps of a report"):
            Sights.from_dict({**found().to_dict(), part: tiles}, n_classes=4)


def test_more_pictures_than_a_report_has_are_refused() -> None:
    record = found().to_dict()
    record["worst"] *= 2
    with pytest.raises(ValueError, match="at most 24"):
        Sights.from_dict(record, n_classes=4)


def test_only_an_answer_other_than_the_truth_is_wrong() -> None:
    seen = Seen(pictures(1)[0], "a", 1, (0.25, 0.75))
    assert not seen.is_wrong
    assert replace(seen, true=0).is_wrong
    assert not replace(seen, true=None).is_wrong
