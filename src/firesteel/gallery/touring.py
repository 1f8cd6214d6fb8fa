"""Lessons that train nothing: each step is a few lines that are shown as they are run, and what they give."""

from __future__ import annotations

import inspect
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from firesteel.data import Pictures, Wish, read_input, read_pictures
from firesteel.evaluation import activations_png, label_sheet_png
from firesteel.gallery.entries import Value
from firesteel.nets import ACTIVATIONS


@dataclass(frozen=True)
class Shown:
    """What a step gave, and a picture of it as PNG where there is one."""

    value: Value
    picture: bytes = b""


def _numbers(values: torch.Tensor) -> list[float]:
    return [float(value) for value in values.reshape(-1)]


def _grad(x: torch.Tensor) -> torch.Tensor:
    assert x.grad is not None, "backward has filled it"
    return x.grad


def matrix_by_vector(_: Wish) -> Shown:
    """Each row of A times v, summed: a linear layer without its bias."""
    A, v = torch.tensor([[2, 1], [3, 4]]), torch.tensor([1, 2])
    result = A @ v
    return Shown(_numbers(result))


def matrix_by_matrix(_: Wish) -> Shown:
    """Each row of A with each column of B: a layer on several rows at once."""
    A, B = torch.tensor([[2, 1], [3, 4]]), torch.tensor([[-1, 4], [2, 0]])
    result = A @ B
    return Shown(_numbers(result))


def transpose(_: Wish) -> Shown:
    """Rows become columns; a reshape would keep the order of the numbers and mix what belongs together."""
    A = torch.tensor([[2, 1], [3, 4]])
    result = A.T
    return Shown(_numbers(result))


def determinant(_: Wish) -> Shown:
    """By how much A stretches an area. It needs numbers with decimals."""
    A = torch.tensor([[2.0, 1.0], [3.0, 4.0]])
    result = torch.det(A)
    return Shown(round(float(result), 6))


def reshape_mixes(_: Wish) -> Shown:
    """Three pictures of two pixels: `reshape` into columns takes pixels of different pictures for one."""
    pictures = torch.tensor([[1, 1], [2, 2], [3, 3]])
    result = pictures.reshape(2, 3)[:, 0]
    return Shown(_numbers(result))


def mean_of_squares(_: Wish) -> Shown:
    """The mean of (x + 3)^2 over 24 drawn numbers: one number that all of them lead to."""
    x = torch.randn((2, 3, 4), generator=torch.Generator().manual_seed(0))
    result = ((x + 3.0) ** 2).mean()
    return Shown(round(float(result), 4))


def gradient_of_the_mean(_: Wish) -> Shown:
    """What `backward` finds is 2 (x + 3) / 24 for each x: the largest difference to that is 0."""
    x = torch.randn((2, 3, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    ((x + 3.0) ** 2).mean().backward()
    by_hand = 2 * (x.detach() + 3.0) / 24
    result = (_grad(x) - by_hand).abs().max()
    return Shown(round(float(result), 12))


def gradient_of_cubes(_: Wish) -> Shown:
    """The sum of x^3 grows with 3 x^2: 12 at 2, 108 at 6."""
    x = torch.tensor([2.0, 6.0], requires_grad=True)
    (x**3).sum().backward()
    return Shown(_numbers(_grad(x)))


def gradients_add_up(_: Wish) -> Shown:
    """A second `backward` adds to the first: without `zero_grad` each step would carry all that came before."""
    x = torch.tensor([2.0], requires_grad=True)
    for _step in range(2):
        (x**3).sum().backward()
    return Shown(_numbers(_grad(x)))


def no_graph_without_need(_: Wish) -> Shown:
    """Under `no_grad` nothing is remembered: that is for changing weights and for testing."""
    x = torch.tensor([2.0], requires_grad=True)
    with torch.no_grad():
        y = x**3
    result = y.requires_grad
    return Shown(str(result))


_SIX = """
label: 6
000011110
000111000
001110000
011100000
011000000
011011110
011111111
011100011
011000011
001100110
000111100
"""

_RAGGED = """
label: 6
0000111
000111
0011
011
011
01101111
011111111
0111
011
0011
00011110
"""

_EIGHT = """
label: 8
0 40 190 230 180 30 0
20 220 120 30 140 210 10
40 240 60 0 70 230 20
0 170 200 120 210 150 0
0 60 230 255 220 40 0
30 220 110 40 130 210 20
60 250 40 0 50 240 50
40 230 90 20 100 220 30
0 80 210 240 200 60 0
"""


def _read_text(text: str) -> Pictures:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawing.grid"
        path.write_text(text, encoding="utf-8")
        pictures, _ = read_pictures(path, wish=Wish())
    return pictures


def _sheet(pictures: Pictures) -> bytes:
    return label_sheet_png(pictures.pixels, [str(one) for one in pictures.frame[pictures.label]])


def zeros_and_ones(_: Wish) -> Shown:
    """A 6 in 0 and 1: the share of its pixels that are on."""
    pictures = _read_text(_SIX)
    return Shown(round(float((pictures.pixels > 0).mean()), 4), _sheet(pictures))


def grey_levels(_: Wish) -> Shown:
    """An 8 in grey levels from 0 to 255: height, width, and the brightest level."""
    pictures = _read_text(_EIGHT)
    _, height, width, _ = pictures.pixels.shape
    return Shown([float(height), float(width), float(pictures.pixels.max())], _sheet(pictures))


def ragged_rows(_: Wish) -> Shown:
    """A 6 whose lines end early is no array; it is filled up with black, and that is said."""
    pictures = _read_text(_RAGGED)
    return Shown(next((text for text in pictures.notices if "filled" in text), "nothing was said"), _sheet(pictures))


def the_nineteenth_digit(wish: Wish) -> Shown:
    """Index 18 of MNIST's training pictures: the nineteenth, as counting starts at 0."""
    pictures, _ = read_input("mnist", wish=wish)
    assert isinstance(pictures, Pictures), "mnist is pictures"
    one = pictures.take(np.array([18]))
    return Shown(str(one.frame[one.label][0]), _sheet(one))


def the_first_digits(wish: Wish) -> Shown:
    """The first ten, with their labels."""
    pictures, _ = read_input("mnist", wish=wish)
    assert isinstance(pictures, Pictures), "mnist is pictures"
    some = pictures.take(np.arange(10))
    return Shown(" ".join(str(one) for one in some.frame[some.label]), _sheet(some))


def activation_curves(_: Wish) -> Shown:
    """Every activation with its gradient, by autograd."""
    curves = {}
    for name, layer in ACTIVATIONS.items():
        x = torch.linspace(-4, 4, 401, dtype=torch.float64, requires_grad=True)
        y = layer.module(1, {})(x)
        (dy,) = torch.autograd.grad(y.sum(), x)
        curves[name] = (x.detach().numpy(), y.detach().numpy(), dy.numpy())
    return Shown(float(len(curves)), activations_png(curves))


Tour: TypeAlias = Callable[[Wish], Shown]

TOURS: Mapping[str, Tour] = {
    step.__name__: step
    for step in (
        matrix_by_vector,
        matrix_by_matrix,
        transpose,
        determinant,
        reshape_mixes,
        mean_of_squares,
        gradient_of_the_mean,
        gradient_of_cubes,
        gradients_add_up,
        no_graph_without_need,
        zeros_and_ones,
        grey_levels,
        ragged_rows,
        the_nineteenth_digit,
        the_first_digits,
        activation_curves,
    )
}


def code_of(name: str) -> str:
    """The lines of a step as they are run, without its head and what packs the result."""
    lines = inspect.getsource(TOURS[name]).splitlines()[2:-1]
    return textwrap.dedent("\n".join(lines)).replace("_grad(x)", "x.grad")


def saying_of(name: str) -> str:
    """What a step shows, in a sentence."""
    return inspect.getdoc(TOURS[name]) or ""
