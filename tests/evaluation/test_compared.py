"""Compared values: their record, and how they are drawn."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.axes import Axes

from firesteel.evaluation.compared import Compared, compared_from
from firesteel.evaluation.figures import FIGURES, draw, figures_of
from firesteel.evaluation.look import NET
from firesteel.evaluation.report import Report

MakeReport = Callable[..., Report]


def values(name: str, given: Sequence[float], losses: Sequence[float]) -> tuple[Compared, ...]:
    best = min(losses)
    return tuple(Compared({name: x}, loss, 5, 10, loss == best) for x, loss in zip(given, losses, strict=True))


def drawn(report: Report, found: tuple[Compared, ...]) -> Axes:
    ax = draw("compared", replace(report, compared=found))
    ax.figure.draw_without_rendering()
    return ax


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def ticks(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_xticklabels()]


def caption(report: Report, found: tuple[Compared, ...]) -> str:
    return next(one for one in FIGURES if one.name == "compared").caption(replace(report, compared=found))


def test_compared_values_survive_json_the_diverged_too() -> None:
    found = values("lr", [0.1, 1.0], [0.5, math.inf])
    record = json.loads(json.dumps([one.to_dict() for one in found], allow_nan=False))
    assert record[1]["val_loss"] is None
    assert compared_from(record) == found


@pytest.mark.parametrize(
    "change",
    [{"settings": {}}, {"settings": {"lr": None}}, {"val_loss": -1}, {"best_epoch": -1}, {"is_kept": "perhaps"}],
)
def test_a_value_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    record = values("lr", [0.1], [0.5])[0].to_dict()
    with pytest.raises(ValueError, match=r"settings|val_loss|best_epoch|is_kept"):
        compared_from([{**record, **change}])


def test_values_of_different_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="same settings"):
        compared_from([one.to_dict() for one in values("lr", [1], [1]) + values("seed", [1], [1])])


def test_a_single_value_is_no_comparison(make_report: MakeReport) -> None:
    report = replace(make_report("binary"), compared=values("lr", [0.1], [0.5]))
    assert "compared" not in [one.name for one in figures_of(report)]


def test_the_kept_value_stands_out_with_its_loss(make_report: MakeReport) -> None:
    ax = drawn(make_report("binary"), values("lr", [0.01, 0.02, 0.03], [0.5, 0.25, 0.75]))
    assert words(ax) == ["kept: 0.25"]
    bold = [text.get_text() for text in ax.get_xticklabels() if text.get_color() == NET]
    assert bold == ["0.02"]


def test_values_over_more_than_a_decade_are_spaced_by_their_logarithms(make_report: MakeReport) -> None:
    wide = drawn(make_report("binary"), values("lr", [0.01, 0.1, 1.0], [0.5, 0.25, 0.75]))
    assert list(wide.get_xticks()) == pytest.approx([0, 0.5, 1])
    near = drawn(make_report("binary"), values("dropout", [0.1, 0.2, 0.4], [0.5, 0.25, 0.75]))
    assert list(near.get_xticks()) == pytest.approx([0, 1 / 3, 1])


def test_zero_beside_powers_of_ten_has_its_own_place(make_report: MakeReport) -> None:
    ax = drawn(make_report("binary"), values("weight_decay", [0, 0.001, 0.01, 0.1], [0.5, 0.25, 0.75, 0.6]))
    assert list(ax.get_xticks()) == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert ticks(ax) == ["0", "0.001", "0.01", "0.1"]


def test_diverged_values_stand_at_the_top_and_are_named_once(make_report: MakeReport) -> None:
    ax = drawn(make_report("binary"), values("lr", [0.01, 0.1, 1, 10], [0.5, 0.25, math.inf, math.inf]))
    assert words(ax).count("diverged") == 1
    assert sum(line.get_marker() == "x" for line in ax.lines) == 2
    assert "grew beyond all numbers" in caption(make_report("binary"), values("lr", [1, 2], [1, math.inf]))


def test_of_very_many_values_the_kept_one_is_named(make_report: MakeReport) -> None:
    given = [10 ** (-4 + i / 8) for i in range(33)]
    ax = drawn(make_report("binary"), values("lr", given, [abs(i - 14) + 1.0 for i in range(33)]))
    assert len(ticks(ax)) < 10
    assert "0.00562" in ticks(ax)


def test_seeds_are_dots_along_a_line(make_report: MakeReport) -> None:
    found = values("seed", [0, 1, 2, 3], [0.5, 0.4, 0.7, math.inf])
    ax = drawn(make_report("binary"), found)
    assert sorted(words(ax)) == ["0", "2", "kept: seed 1"]
    assert ax.get_title(loc="right") == "diverged: seed 3"
    assert "between 0.4 and 0.7" in caption(make_report("binary"), found)


def test_settings_that_change_together_are_named_together(make_report: MakeReport) -> None:
    found = tuple(
        Compared({"lr": lr, "dropout": rate, "seed": 1.0}, loss, 5, 10, loss == 0.1)
        for lr, rate, loss in ((0.1, 0.0, 0.2), (0.2, 0.5, 0.1))
    )
    assert ticks(drawn(make_report("binary"), found)) == ["lr 0.1\ndropout 0", "lr 0.2\ndropout 0.5"]
    assert "was kept: lr 0.2, dropout 0.5." in caption(make_report("binary"), found)


def test_a_loss_that_was_still_falling_is_said(make_report: MakeReport) -> None:
    found = (Compared({"lr": 0.1}, 0.5, 10, 10, True), Compared({"lr": 0.2}, 0.6, 5, 10, False))
    assert "hollow" in caption(make_report("binary"), found)
    assert "hollow" not in caption(make_report("binary"), found[1:])


@pytest.mark.parametrize("losses", [[0, 0], [1e-12, 1e-3], [0.2, 0.2], [1e300, 1e-300], [math.inf, math.inf]])
def test_losses_of_any_size_can_be_drawn(losses: list[float], make_report: MakeReport) -> None:
    for name in ("lr", "seed"):
        drawn(make_report("regression"), values(name, [1, 2], losses))


def test_without_val_rows_the_training_rows_chose(make_report: MakeReport) -> None:
    found = values("lr", [0.1, 0.2], [0.5, 0.25])
    report = replace(make_report("binary"), n_rows={"train": 8, "val": 0, "test": 4})
    assert drawn(report, found).get_ylabel() == "train log loss"
    assert "smallest train loss" in caption(report, found)
