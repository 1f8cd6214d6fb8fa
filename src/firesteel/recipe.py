"""What was asked for: one validated description of a whole run, read from and written to TOML.

Every field is an option of `firesteel fit` and a keyword of `firesteel.fit`; `None` means "you choose",
and what was chosen comes back as a `Choice` with its reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from firesteel.errors import RecipeError, nearest

Task = Literal["regression", "binary", "multiclass"]
Scaling = Literal["none", "centre", "range", "standard", "robust"]
BaselineName = Literal[
    "majority",
    "mean",
    "logistic_regression",
    "linear_regression",
    "polynomial",
    "power_library",
    "nearest_neighbours",
    "svm",
    "random_forest",
    "gradient_boosting",
]
Kind = Literal["numeric", "boolean", "categorical", "datetime", "text", "id", "constant", "picture"]

#: What other libraries call a field.
SYNONYMS = {
    "learning_rate": "lr",
    "wd": "weight_decay",
    "bs": "batch_size",
    "n_epochs": "epochs",
    "random_state": "seed",
    "hidden_layer_sizes": "d_hidden",
    "label": "target",
}

T = TypeVar("T")
PerMember: TypeAlias = T | tuple[T, ...] | None  # one value for all members, or one member per value

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1)]

#: Values of a list that are compared at once: far more than anybody trains, and few enough to be drawn.
MAX_COMPARED = 1_000

#: Fields that take one value, or a list that makes one member of the population per value.
PER_MEMBER = ("lr", "weight_decay", "dropout", "label_smoothing", "seed")


@dataclass(frozen=True)
class Choice:
    """One value that the program picked, and the sentence that says why."""

    name: str
    value: Any
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Recipe(BaseModel):
    """A whole run as it was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # the data
    data: str | None = Field(None, description="a table, a folder or file of pictures, or the name of a set")
    target: str | int | None = Field(None, description="the column to predict: its name, or its number (-1 = last)")
    test: str | None = Field(None, description="a file with the test rows, instead of holding rows out")
    task: Task | None = Field(None, description="regression, binary or multiclass, instead of what the target says")
    kind: dict[str, Kind] = Field(default_factory=dict, description="COLUMN=KIND, instead of what was seen")
    drop: tuple[str, ...] = Field((), description="columns to leave out")
    keep: tuple[str, ...] = Field((), description="columns to keep although they give the target away")
    group: str | None = Field(None, description="rows of one value of this column stay on one side of the split")
    time: str | None = Field(None, description="split by this column: oldest rows train, newest rows test")
    val: Literal["held_out", "train"] = Field(
        "held_out", description="rows that choose the best epoch; train: those it learns from, with a test of its own"
    )
    # pictures
    labels: str | None = Field(None, description="a CSV with the file names of pictures and their labels")
    size: str | None = Field(None, description="HEIGHTxWIDTHxCHANNELS that all pictures are fitted to, like 64x64x3")
    pictures: bool | None = Field(None, description="read a table of one pixel a column as pictures, or not")
    strict: bool = Field(False, description="a picture that cannot be read is an error, not left out")
    data_dir: str | None = Field(None, description="a folder where named sets lie already")
    offline: bool = Field(False, description="download nothing")
    # how training shows pictures, each time anew
    shift: Share | None = Field(None, description="moved by up to this share of their width and height")
    rotate: Annotated[float, Field(ge=0, le=180)] | None = Field(None, description="turned by up to so many degrees")
    scale: Share | None = Field(None, description="made larger or smaller by up to this share")
    erase: Share | None = Field(None, description="this share of them loses a rectangle")
    flip: Share | None = Field(None, description="this share of them is mirrored")
    # how numbers and pixels come to the net
    scaling: Scaling | None = Field(
        None, description="how numbers and pixels are brought to one size; none: an amount to predict stays, too"
    )
    # the net
    net: Literal["mlp", "linear", "conv", "resnet"] | None = Field(None, description="the architecture")
    d_hidden: tuple[Count, ...] | None = Field(None, description="widths of the hidden layers, like 256,256,256")
    channels: tuple[Count, ...] | None = Field(None, description="channels of each convolution, like 16,32,64")
    activation: Literal["identity", "relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu"] | None = Field(
        None, description="the function between the layers"
    )
    norm: Literal["none", "batch", "layer"] | None = Field(None, description="normalisation between the layers")
    periodic: bool | None = Field(None, description="embed each number by learned sines and cosines")
    bias: bool = Field(True, description="every linear layer adds a number of its own; no: a linear net goes through 0")
    init: Literal["zeros", "random"] | None = Field(None, description="start of the last layer's weights")
    dropout: PerMember[Share] = Field(None, description="share of hidden values set to 0 in training")
    # training
    members: Count | None = Field(None, description="fold-members whose answers are averaged; 1 = a single net")
    loss: Literal["cross_entropy", "binary_cross_entropy", "mse", "mae", "huber"] | None = Field(
        None, description="what training makes small"
    )
    optimizer: Literal["sgd", "adam", "adamw", "soap", "rmsprop", "sign"] | None = Field(
        None, description="how a gradient becomes a step"
    )
    lr: PerMember[Positive] = Field(None, description="learning rate, the size of a step")
    schedule: Literal["constant", "one_cycle", "cosine", "step"] | None = Field(
        None, description="how lr changes over the run"
    )
    weight_decay: PerMember[NotNegative] = Field(None, description="pull of the weights towards 0")
    momentum: Share | None = Field(None, description="share of the last step that sgd and rmsprop carry on")
    nesterov: bool = Field(False, description="look ahead by the momentum (sgd)")
    batch_size: Count | None = Field(None, description="rows in one step")
    epochs: Count | None = Field(None, description="passes over the training rows, at most")
    patience: Count | None = Field(None, description="epochs without a better val loss before training ends")
    label_smoothing: PerMember[Share] = Field(None, description="share of each label spread over all classes")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: rare classes weigh more")
    seed: Seed | tuple[Seed, ...] = Field(0, description="the run's random seed")
    dtype: Literal["float32", "float64"] = Field("float32", description="float64 to compare to the last digits")
    device: str = Field("auto", description="cpu, cuda, or auto")
    threads: Count | None = Field(None, description="CPU threads for training")
    ema: Share | None = Field(None, description="weights are averaged over steps, so much of the average is kept")
    precision: Literal["float32", "bfloat16"] | None = Field(None, description="of feature maps in training")
    # the answer
    baselines: bool | tuple[BaselineName, ...] = Field(
        True,
        description="fit classical models on the same split; a list of names fits those alone, on all rows however "
        "long that takes",
    )
    figures: bool = Field(False, description="write the report's figures as PNG files too")

    @field_validator("lr", "weight_decay", "dropout", "label_smoothing", "seed")
    @classmethod
    def _no_empty_list(cls, value: Any) -> Any:
        if value == ():
            raise ValueError("an empty list makes no member")
        if isinstance(value, tuple) and len(value) > MAX_COMPARED:
            raise ValueError(f"at most {MAX_COMPARED:,} values are compared at once, not {len(value):,}")
        return value

    @field_validator("baselines", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """One name is a list of one; an empty list is none."""
        if isinstance(value, str):
            return tuple(value.split(","))
        return False if isinstance(value, list | tuple) and not value else value

    def to_dict(self) -> dict[str, Any]:
        """Every field that was set, as TOML and JSON can hold it (what is `None` is left out)."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_toml(self) -> str:
        return tomli_w.dumps(self.to_dict())

    def completed(self, choices: Iterable[Choice]) -> Recipe:
        """The recipe with everything that was chosen filled in, so that it repeats the run under other defaults."""
        chosen = {choice.name: choice.value for choice in choices if choice.name in type(self).model_fields}
        return self.replace(**{name: value for name, value in chosen.items() if getattr(self, name) is None})

    def replace(self, **changes: Any) -> Recipe:
        """A recipe with some fields changed, checked like a new one."""
        return make_recipe(**{**self.model_dump(), **changes})


def make_recipe(**fields: Any) -> Recipe:
    """A recipe from keywords. Raises RecipeError that names the nearest known word or the values allowed."""
    known = Recipe.model_fields
    for word in fields:
        if word not in known:
            near = [SYNONYMS[word]] if word in SYNONYMS else nearest(word, known)
            raise RecipeError(
                "an option must be a field of the recipe",
                found=f"'{word}' is not one",
                hint=f"did you mean {' or '.join(near)}?" if near else "firesteel fit --help     lists all of them",
            )
    try:
        return Recipe(**fields)
    except ValidationError as error:
        raise _explain(error) from None


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The fields that a recipe file sets, unchecked but for being TOML; `make_recipe` checks them."""
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            "a recipe is a TOML file", found=f"there is no '{path}'", hint="a run's own recipe.toml"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError("a recipe is a TOML file", found=f"'{path}' is not: {error}", hint=f"mend {path}") from None
    except OSError as error:
        raise RecipeError(
            "a recipe must be readable", found=f"'{path}': {error.strerror}", hint=f"ls -l {path}"
        ) from None


def _explain(error: ValidationError) -> RecipeError:
    """The first thing that pydantic found, in our three parts."""
    found = error.errors()
    name = str(found[0]["loc"][0])
    # of a field that may be one value or a list, what was found inside the list says most
    first = max((one for one in found if one["loc"][0] == name), key=lambda one: len(one["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"]
    hint = f"--{name.replace('_', '-')}: {Recipe.model_fields[name].description}"
    if first["type"] == "literal_error":
        expected = first["ctx"]["expected"]
        near = nearest(str(given), [word.strip(" '") for word in expected.replace(" or ", ",").split(",")])
        message = f"should be {expected}"
        hint = f"did you mean {near[0]}?" if near else hint
    return RecipeError(f"{name}: {message[0].lower()}{message[1:]}", found=f"{given!r} was given", hint=hint)
