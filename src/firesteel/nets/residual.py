"""Residual: what layers make of their input is added to the input itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.containers import Sequential, inside, under
from firesteel.nets.layer import Layer, NumpyLines, Param, Slot, Step

BODY, SHORTCUT = "layers", "shortcut"
IDENTITY = Sequential(())


@dataclass(frozen=True)
class Residual(Layer):
    """y = layers(x) + shortcut(x); an empty shortcut is x itself. Source: arXiv 1512.03385."""

    layers: Sequential
    shortcut: Sequential = IDENTITY

    def d_out(self, d_in: int) -> int:
        d_out, d_shortcut = self.layers.d_out(d_in), self.shortcut.d_out(d_in)
        if d_out != d_shortcut:
            raise NetError(
                "what is added must be equally wide",
                found=f"the layers answer {d_out} numbers, the shortcut {d_shortcut}",
                hint="a convolution of the same channels and stride as shortcut",
            )
        return d_out

    def params(self, d_in: int) -> tuple[Param, ...]:
        return under(BODY, self.layers.params(d_in)) + under(SHORTCUT, self.shortcut.params(d_in))

    def state(self, d_in: int) -> tuple[Param, ...]:
        return under(BODY, self.layers.state(d_in)) + under(SHORTCUT, self.shortcut.state(d_in))

    def bind(self, slot: Slot) -> Step:
        def part(name: str) -> Slot:
            weights, grads, state = (inside(name, values) for values in (slot.weights, slot.grads, slot.state))
            return replace(slot, weights=weights, grads=grads, state=state)

        return _ResidualStep(self.layers.bind(part(BODY)), self.shortcut.bind(part(SHORTCUT)))

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        layers = self.layers.module(d_in, inside(BODY, values))
        return ResidualModule(layers, self.shortcut.module(d_in, inside(SHORTCUT, values)))

    def numpy_lines(self) -> NumpyLines:
        body, shortcut = self.layers.numpy_lines(), self.shortcut.numpy_lines()
        return NumpyLines(
            f"start = x\n{shortcut.forward}\nadded, x = x, start\n{body.forward}\ny = x + added",
            f"end = dy\n{body.backward}\nadded, dy = dy, end\n{shortcut.backward}\ndx = dy + added",
        )


class _ResidualStep(Step):
    def __init__(self, layers: Step, shortcut: Step) -> None:
        self.layers, self.shortcut = layers, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.layers.forward(x) + self.shortcut.forward(x)

    def backward(self, dy: Tensor) -> Tensor | None:
        through = self.layers.backward(dy.clone())  # steps may write over what they are given
        beside = self.shortcut.backward(dy)
        if through is None or beside is None:
            return None
        return through + beside


class ResidualModule(nn.Module):
    """layers(x) + shortcut(x)."""

    def __init__(self, layers: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.layers, self.shortcut = layers, shortcut

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x) + self.shortcut(x)
        return answer
