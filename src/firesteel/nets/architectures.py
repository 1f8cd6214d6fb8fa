"""The nets that a recipe can name, made to the measure of the columns; every automatic size comes with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from firesteel.nets.activations import ACTIVATIONS
from firesteel.nets.columns import Impute, MissingFlag, OneHot, RobustScale, Scale
from firesteel.nets.containers import Branch, Concat, Net, Sequential
from firesteel.nets.dropout import Dropout
from firesteel.nets.embeddings import Embedding, Periodic
from firesteel.nets.layer import Layer
from firesteel.nets.linear import Linear
from firesteel.nets.norms import BatchNorm1d, LayerNorm
from firesteel.recipe import Choice, Recipe, Scaling

#: Categories of more levels than this get learned vectors instead of a column per level. Source: RealMLP uses 8;
#: up to 20 the one-hot columns run once before training and cost the loop nothing but width.
N_ONE_HOT_LEVELS = 20

D_EMBEDDING = 8  # source: RealMLP, arXiv 2407.04491

#: Below this many rows the learned cosines of a periodic embedding fit noise. Source: the same, and our own runs.
N_PERIODIC_ROWS = 2_000

#: A periodic embedding multiplies the width of the numbers by 4 and costs a matrix product per column.
N_PERIODIC_COLUMNS = 40

#: Below this many rows two hidden layers do as well as three and train faster. Two of 256 had a lower val loss than two
#: of 128 on five of seven small tables (sonar .310 against .328), with label smoothing.
N_DEEP_ROWS = 3_000
TWO_LAYERS, THREE_LAYERS = (256, 256), (256, 256, 256)

NORMS = {"batch": BatchNorm1d, "layer": LayerNorm}

#: The layers that bring numbers to one size, by the recipe's word.
SCALINGS: dict[Scaling, tuple[Layer, ...]] = {
    "none": (),
    "centre": (Scale("centre"),),
    "range": (Scale("range"),),
    "standard": (Scale("standard"),),
    "robust": (RobustScale(),),
}


@dataclass(frozen=True)
class Columns:
    """What a net reads: numbers, which of them are missing in some training row, and the codes of each category."""

    n_num: int
    missing: tuple[int, ...]
    n_levels: tuple[int, ...]  # codes of each categorical column, 0 included


def build_net(
    recipe: Recipe, columns: Columns, *, d_out: int, n_rows: int, dropout: float
) -> tuple[Net, tuple[Choice, ...]]:
    """The net for these columns and `n_rows` training rows, and what was chosen. Raises NetError for no column."""
    is_periodic = _choose_periodic(recipe, columns, n_rows=n_rows)
    hidden = _choose_hidden(recipe, n_rows=n_rows)
    activation = _choose_activation(recipe)
    scaling = choose_scaling(recipe)
    inputs = Concat(_branches(columns, scaling=scaling.value, is_periodic=bool(is_periodic.value)))
    body = _body(recipe, hidden.value, activation=activation.value, dropout=dropout, d_out=d_out)
    net = Net(columns.n_num, len(columns.n_levels), inputs, body)
    of_hidden = [hidden, activation, is_periodic] if recipe.net != "linear" else []
    chosen = [*of_hidden, *([scaling] if columns.n_num else [])]
    return net, tuple(choice for choice in chosen if getattr(recipe, choice.name) is None)


def input_net(columns: Columns, *, scaling: Scaling = "robust") -> Net:
    """Only the fixed layers over the raw columns: what stands before a user's own module."""
    levels = range(len(columns.n_levels))
    branches = _number_branches(columns, scaling=scaling, after=())
    if columns.n_levels:
        branches.append(Branch("cat", Sequential((OneHot(tuple(levels), columns.n_levels),))))
    return Net(columns.n_num, len(columns.n_levels), Concat(tuple(branches)), Sequential(()))


def choose_scaling(recipe: Recipe) -> Choice:
    """How numbers are brought to one size."""
    if recipe.scaling is not None:
        return Choice("scaling", recipe.scaling, "you asked for it")
    if not recipe.bias:
        return Choice("scaling", "none", "without a bias all goes through 0, so nothing may be moved")
    if recipe.net == "linear":
        return Choice("scaling", "standard", "mean 0 and spread 1: the net stays linear in the columns")
    return Choice("scaling", "robust", "median and quartiles, outliers bent back: no far value rules")


def _branches(columns: Columns, *, scaling: Scaling, is_periodic: bool) -> tuple[Branch, ...]:
    """Fixed branches first, so that they become one tensor before training starts."""
    branches = _number_branches(columns, scaling=scaling, after=(Periodic(),) if is_periodic else ())
    few = [i for i, n in enumerate(columns.n_levels) if n - 1 <= N_ONE_HOT_LEVELS]
    many = [i for i, n in enumerate(columns.n_levels) if n - 1 > N_ONE_HOT_LEVELS]
    if few:
        levels = tuple(columns.n_levels[i] for i in few)
        branches.insert(0, Branch("cat", Sequential((OneHot(tuple(few), levels),))))
    if many:
        levels = tuple(columns.n_levels[i] for i in many)
        branches.append(Branch("cat", Sequential((Embedding(tuple(many), levels, D_EMBEDDING),))))
    return tuple(branches)


def _number_branches(columns: Columns, *, scaling: Scaling, after: tuple[Layer, ...]) -> list[Branch]:
    branches = []
    if columns.missing:
        branches.append(Branch("num", Sequential((MissingFlag(columns.missing),))))
    if columns.n_num:
        branches.append(Branch("num", Sequential((Impute(), *SCALINGS[scaling], *after))))
    return branches


def _body(recipe: Recipe, hidden: Sequence[int], *, activation: str, dropout: float, d_out: int) -> Sequential:
    layers: list[Layer] = []
    for width in hidden:
        layers.append(Linear(width, has_bias=recipe.bias))
        if recipe.norm in NORMS:
            layers.append(NORMS[recipe.norm]())
        layers.append(ACTIVATIONS[activation])
        if dropout:
            layers.append(Dropout(dropout))
    return Sequential((*layers, last_layer(recipe, d_out)))


def last_layer(recipe: Recipe, d_out: int) -> Linear:
    """The layer that answers: without an opinion at the start, unless the recipe says otherwise."""
    return Linear(d_out, init="he" if recipe.init == "random" else "zeros", has_bias=recipe.bias)


def _choose_hidden(recipe: Recipe, *, n_rows: int) -> Choice:
    if recipe.net == "linear":
        return Choice("d_hidden", (), "a linear net has no hidden layer")
    if recipe.d_hidden is not None:
        return Choice("d_hidden", recipe.d_hidden, "you asked for it")
    if n_rows >= N_DEEP_ROWS:
        return Choice("d_hidden", THREE_LAYERS, f"{n_rows:,} training rows are enough for three layers")
    return Choice("d_hidden", TWO_LAYERS, f"{n_rows:,} training rows; below {N_DEEP_ROWS:,} a third layer gains little")


def _choose_activation(recipe: Recipe) -> Choice:
    if recipe.activation is not None:
        return Choice("activation", recipe.activation, "you asked for it")
    return Choice("activation", "silu", "a smooth relu; better val loss than relu on most of our test tables")


def _choose_periodic(recipe: Recipe, columns: Columns, *, n_rows: int) -> Choice:
    if recipe.net == "linear" or not columns.n_num:
        return Choice("periodic", False, "there is nothing to embed")
    if recipe.periodic is not None:
        return Choice("periodic", recipe.periodic, "you asked for it")
    if not recipe.bias:
        return Choice("periodic", False, "without a bias all goes through 0, and an embedding would move it")
    if columns.n_num > N_PERIODIC_COLUMNS:
        return Choice(
            "periodic", False, f"{columns.n_num} numeric columns; over {N_PERIODIC_COLUMNS} it costs too much"
        )
    if n_rows < N_PERIODIC_ROWS:
        return Choice("periodic", False, f"{n_rows:,} training rows; below {N_PERIODIC_ROWS:,} it fits noise")
    return Choice("periodic", True, f"{n_rows:,} training rows are enough for sharp bends along each number")


def set_dropout(net: Net, p: float) -> Net:
    """The same net with another dropout rate in all its dropout layers."""
    layers = tuple(Dropout(p) if isinstance(layer, Dropout) else layer for layer in net.body.layers)
    return replace(net, body=Sequential(layers))
