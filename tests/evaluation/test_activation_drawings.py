"""Activations beside each other."""

from __future__ import annotations

import numpy as np

from firesteel.evaluation.activation_drawings import draw_activations
from firesteel.evaluation.figures import activations_png

X = np.linspace(-4, 4, 81)
RELU = X, np.maximum(X, 0), (X > 0).astype(np.float64)
TANH = X, np.tanh(X), 1 - np.tanh(X) ** 2


def test_each_activation_has_a_panel_with_its_name_and_both_curves() -> None:
    curves = {"ReLU": RELU, "Tanh": TANH, "a": RELU, "$x_2^": TANH}
    panels = [ax for ax in draw_activations(curves).axes if ax.get_visible()]
    assert [ax.get_title() for ax in panels] == list(curves)
    thick = [max(ax.lines, key=lambda line: line.get_linewidth()) for ax in panels]
    np.testing.assert_array_equal(thick[1].get_ydata(), TANH[1])


def test_all_panels_have_one_scale() -> None:
    panels = draw_activations({"ReLU": RELU, "Tanh": TANH}).axes
    assert panels[0].get_ylim() == panels[1].get_ylim()
    assert panels[0].get_ylim()[1] > 4


def test_a_gradient_that_jumps_has_a_gap_instead_of_an_upright_line() -> None:
    (ax,) = draw_activations({"ReLU": RELU}).axes
    gradient = next(line for line in ax.lines if line.get_label() == "gradient")
    assert np.isnan(gradient.get_ydata()).sum() == 1


def test_activations_are_a_png() -> None:
    assert activations_png({"Tanh": TANH}).startswith(b"\x89PNG")
