"""The nets for pictures that a recipe can name, made to the measure of the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from firesteel.errors import RecipeError
from firesteel.nets.activations import ACTIVATIONS, Activation
from firesteel.nets.architectures import last_layer
from firesteel.nets.containers import Branch, Concat, Net, Sequential
from firesteel.nets.conv import Conv2d
from firesteel.nets.dropout import Dropout
from firesteel.nets.layer import Layer
from firesteel.nets.linear import Linear
from firesteel.nets.map_norms import BatchNorm2d
from firesteel.nets.maps import Shape
from firesteel.nets.norms import BatchNorm1d, LayerNorm
from firesteel.nets.pixels import Augment, Pixels
from firesteel.nets.pooling import Flatten, GlobalAvgPool2d, MaxPool2d
from firesteel.nets.residual import Residual
from firesteel.recipe import Choice, Recipe, Scaling

#: Maps are halved as long as so many places are left along the shorter side.
N_PLACES_MIN = 4

#: Channels of the first convolution; each halving of the maps doubles them, up to the last.
N_CHANNELS_FIRST, N_CHANNELS_LAST = 16, 128

#: Pictures with more places than this are halved by the stride of the first convolution.
N_PLACES_LARGE = 96

#: Hidden layers of an mlp over pixels.
HIDDEN = (256, 256)

NORMS = {"batch": BatchNorm1d, "layer": LayerNorm}


@dataclass(frozen=True)
class Views:
    """How training shows pictures: `Augment`'s settings."""

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    erase: float = 0.0
    flip: float = 0.0

    @property
    def is_changed(self) -> bool:
        return any((self.shift, self.rotate, self.scale, self.erase, self.flip))


def build_picture_net(
    recipe: Recipe, shape: Shape, *, net: str, d_out: int, views: Views, dropout: float
) -> tuple[Net, tuple[Choice, ...]]:
    """The net called `net` for pictures of `shape` (height, width, channels), and what was chosen."""
    inputs: list[Layer] = [_pixels(shape, recipe.scaling or ("standard" if recipe.bias else "range"))]
    if views.is_changed:
        inputs.append(Augment(shape, views.shift, views.rotate, views.scale, views.erase, views.flip))
    layers, choices = _BODIES[net](recipe, shape)
    hidden = [Dropout(dropout)] if dropout else []
    if net == "mlp":
        layers = [one for layer in layers for one in ([layer, *hidden] if isinstance(layer, Activation) else [layer])]
    elif net != "linear":
        layers += hidden
    body = Sequential((*layers, last_layer(recipe, d_out)))
    branch = Branch("num", Sequential(tuple(inputs)))
    return Net(shape[0] * shape[1] * shape[2], 0, Concat((branch,)), body), choices


def _pixels(shape: Shape, scaling: Scaling | None) -> Pixels:
    """The pixels as the recipe wants them. Raises RecipeError for what is for columns."""
    if scaling == "robust":
        raise RecipeError(
            "pixels are scaled by none, centre, range or standard",
            found="--scaling robust was given, which is for columns",
            hint="--scaling standard, or leave it out",
        )
    return Pixels(shape, scaling or "standard")


def picture_input_net(shape: Shape, *, scaling: Scaling | None = None) -> Net:
    """Only the pixels, scaled and flat: what stands before a user's own module."""
    branch = Branch("num", Sequential((_pixels(shape, scaling),)))
    return Net(shape[0] * shape[1] * shape[2], 0, Concat((branch,)), Sequential(()))


def _linear(_: Recipe, shape: Shape) -> tuple[list[Layer], tuple[Choice, ...]]:
    return [Flatten(shape)], ()


def _mlp(recipe: Recipe, shape: Shape) -> tuple[list[Layer], tuple[Choice, ...]]:
    chosen = Choice("d_hidden", HIDDEN, "two layers of 256 read all pixels at once")
    hidden = chosen.value if recipe.d_hidden is None else recipe.d_hidden
    layers: list[Layer] = [Flatten(shape)]
    for width in hidden:
        layers.append(Linear(width, has_bias=recipe.bias))
        if recipe.norm in NORMS:
            layers.append(NORMS[recipe.norm]())
        layers.append(ACTIVATIONS[recipe.activation or "relu"])
    return layers, (chosen,) if recipe.d_hidden is None else ()


def _conv(recipe: Recipe, shape: Shape) -> tuple[list[Layer], tuple[Choice, ...]]:
    """Convolution, pooling, norm, activation per stage: pooled first, so that the last two read a quarter."""
    channels, choices = _choose_channels(recipe, shape)
    layers: list[Layer] = []
    for i, width in enumerate(channels):
        layers.append(_convolution(shape, width, stride=_first_stride(shape) if i == 0 else 1))
        shape = _after(layers[-1], shape)
        if i < len(channels) - 1 and min(shape[:2]) >= 2 * N_PLACES_MIN:
            layers.append(MaxPool2d(shape, (2, 2), (2, 2), (0, 0)))
            shape = _after(layers[-1], shape)
        layers += [BatchNorm2d(shape), ACTIVATIONS[recipe.activation or "relu"]]
    return [*layers, Flatten(shape)], choices


def _resnet(recipe: Recipe, shape: Shape) -> tuple[list[Layer], tuple[Choice, ...]]:
    """A first convolution, then two residual blocks per width; each new width halves the maps. Source: 1512.03385."""
    channels, choices = _choose_channels(recipe, shape)
    activation = ACTIVATIONS[recipe.activation or "relu"]
    layers: list[Layer] = [_convolution(shape, channels[0], stride=_first_stride(shape))]
    shape = _after(layers[-1], shape)
    layers += [BatchNorm2d(shape), activation]
    for i, width in enumerate(channels):
        for j in range(2):
            stride = 2 if i and j == 0 and min(shape[:2]) >= 2 * N_PLACES_MIN else 1
            block, shape = _block(shape, width, stride=stride, activation=activation)
            layers += [block, activation]
    return [*layers, GlobalAvgPool2d(shape), Flatten((1, 1, shape[2]))], choices


_BODIES = {"linear": _linear, "mlp": _mlp, "conv": _conv, "resnet": _resnet}


def _block(shape: Shape, width: int, *, stride: int, activation: Layer) -> tuple[Residual, Shape]:
    first = _convolution(shape, width, stride=stride)
    inner = first.shape_out
    layers = (first, BatchNorm2d(inner), activation, _convolution(inner, width), BatchNorm2d(inner))
    shortcut: tuple[Layer, ...] = ()
    if inner != shape:
        shortcut = (Conv2d(shape, (1, 1), (stride, stride), (0, 0), width, has_bias=False), BatchNorm2d(inner))
    return Residual(Sequential(layers), Sequential(shortcut)), inner


def _convolution(shape: Shape, channels: int, *, stride: int = 1) -> Conv2d:
    """3 x 3, or as much of it as the maps have; without a bias, which a norm would take out again."""
    kernel = tuple(3 if size >= 3 else 1 for size in shape[:2])
    padding = tuple(size // 2 for size in kernel)
    return Conv2d(shape, kernel, (stride, stride), padding, channels, has_bias=False)


def _after(layer: Layer, shape: Shape) -> Shape:
    return layer.shape_out if isinstance(layer, Conv2d | MaxPool2d) else shape


def _first_stride(shape: Shape) -> int:
    return 2 if min(shape[:2]) > N_PLACES_LARGE else 1


def _choose_channels(recipe: Recipe, shape: Shape) -> tuple[Sequence[int], tuple[Choice, ...]]:
    if recipe.channels is not None:
        return recipe.channels, ()
    places = min(shape[:2]) // _first_stride(shape)
    channels = [N_CHANNELS_FIRST]
    while places >= 2 * N_PLACES_MIN and len(channels) < 6:
        channels.append(min(N_CHANNELS_LAST, 2 * channels[-1]))
        places //= 2
    return tuple(channels), (
        Choice(
            "channels",
            tuple(channels),
            f"{shape[0]} x {shape[1]} pixels: each stage halves the maps and doubles the channels",
        ),
    )
