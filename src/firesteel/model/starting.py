"""A fresh population for the material: of firesteel's layers, over columns or pictures, or around the user's module."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from firesteel.errors import RecipeError
from firesteel.features import PictureFeatures
from firesteel.model.material import Material
from firesteel.model.views import measure_views
from firesteel.nets import (
    Columns,
    ModulePopulation,
    ModuleSource,
    Net,
    Population,
    Views,
    build_net,
    build_picture_net,
    fit_state,
    input_net,
    make_module,
    picture_input_net,
    start_population,
)
from firesteel.recipe import Choice, Recipe
from firesteel.training import Plan, Settings, choose_crew

#: What the recipe says of firesteel's own layers, and so not of a user's module.
OF_OUR_LAYERS = ("d_hidden", "channels", "activation", "norm", "periodic", "dropout", "init")

#: What only nets of firesteel's layers over pictures know.
OF_OUR_PICTURES = ("shift", "rotate", "scale", "erase", "flip", "precision")

#: Nets that need pictures.
OF_PICTURES = ("conv", "resnet")

#: Options that mean something for pictures only, or for columns only.
FOR_PICTURES = ("labels", "size", "shift", "rotate", "scale", "erase", "flip", "channels", "precision")
FOR_COLUMNS = ("kind", "drop", "keep", "group", "time", "periodic")

#: What may be asked of each net over pictures.
OF_LAYERS = ("d_hidden", "channels", "activation", "norm", "dropout", "precision")
LAYERS_OF = {
    "linear": (),
    "mlp": ("d_hidden", "activation", "norm", "dropout"),
    "conv": ("channels", "activation", "dropout", "precision"),
    "resnet": ("channels", "activation", "dropout", "precision"),
}


@dataclass(frozen=True)
class Started:
    """A fresh population, by how many threads it is trained, and what was chosen."""

    population: Population
    choices: tuple[Choice, ...]
    n_crew: int = 1


def name_net(recipe: Recipe, material: Material) -> tuple[Recipe, tuple[Choice, ...]]:
    """The recipe with its net named. Raises RecipeError for a net that cannot read the rows."""
    if not isinstance(material.features, PictureFeatures):
        if recipe.net in OF_PICTURES:
            raise RecipeError(
                f"a {recipe.net} net reads pictures", found="these rows are columns", hint="--net mlp, or leave it out"
            )
        _refuse(recipe, FOR_PICTURES, must="such an option is for pictures", found="these rows are columns")
        return recipe.replace(net=recipe.net or "mlp"), ()
    _refuse(recipe, FOR_COLUMNS, must="such an option is for columns", found="these are pictures")
    net = recipe.net or "conv"
    others = tuple(name for name in OF_LAYERS if name not in LAYERS_OF[net])
    _refuse(recipe, others, must=f"a {net} net has no such setting", found=f"the net is {net}")
    if recipe.net is not None:
        return recipe, ()
    chosen = Choice("net", net, "the same small pattern may stand anywhere in a picture")
    return recipe.replace(net=net), (chosen,)


def _refuse(recipe: Recipe, names: tuple[str, ...], *, must: str, found: str) -> None:
    """Raises RecipeError where one of these fields was asked for: what is silently ignored misleads."""
    asked = [name for name in names if getattr(recipe, name) not in (None, (), {}, 0.0)]
    if asked:
        word = f"--{asked[0].replace('_', '-')}"
        raise RecipeError(must, found=f"{word} was given, and {found}", hint=f"leave {word} out")


def start(
    recipe: Recipe,
    material: Material,
    settings: Settings,
    *,
    d_out: int,
    source: ModuleSource | None,
    y: Tensor,
) -> Started:
    """A fresh population; `y` are the targets as training has them. Raises RecipeError, NetError."""
    fitted_on = slice(None) if material.folds is not None else slice(material.n_train)
    x_num, x_cat = torch.from_numpy(material.x_num[fitted_on]), torch.from_numpy(material.x_cat[fitted_on])
    if source is not None:
        return _around_module(recipe, material, settings, x_num=x_num, x_cat=x_cat, d_out=d_out, source=source)
    if isinstance(material.features, PictureFeatures):
        return _over_pictures(recipe, material, settings, pixels=x_num, d_out=d_out, y=y)
    dropout = max(settings.plan.dropout)
    net, choices = build_net(recipe, _columns(material), d_out=d_out, n_rows=material.n_learned, dropout=dropout)
    fitted = fit_state(net, x_num=x_num, x_cat=x_cat)
    return Started(_fresh(net, settings.plan.seeds, fitted, recipe), choices)


def _over_pictures(
    recipe: Recipe, material: Material, settings: Settings, *, pixels: Tensor, d_out: int, y: Tensor
) -> Started:
    assert isinstance(material.features, PictureFeatures)
    if recipe.precision == "bfloat16" and recipe.dtype == "float64":
        raise RecipeError(
            "feature maps in bfloat16 go with weights in float32", found="dtype is float64", hint="--precision float32"
        )
    shape, plan = material.features.form.shape, settings.plan
    crew = choose_crew(recipe)
    no_cat = torch.empty(len(pixels), 0, dtype=torch.int64)

    def build(views: Views) -> tuple[Net, tuple[Choice, ...]]:
        assert recipe.net is not None, "name_net named it"
        return build_picture_net(recipe, shape, net=recipe.net, d_out=d_out, views=views, dropout=max(plan.dropout))

    fitted = fit_state(build(Views())[0], x_num=pixels, x_cat=no_cat)

    def pilot(views: Views) -> tuple[Population, Plan]:
        one = {name: getattr(plan, name)[:1] for name in ("lr", "weight_decay", "dropout", "label_smoothing", "seeds")}
        return _fresh(build(views)[0], plan.seeds[:1], fitted, recipe), replace(plan, **one)

    views, seen = measure_views(recipe, material, start=pilot, targets=y, n_crew=crew.value)
    net, choices = build(views)
    chosen = () if recipe.threads is not None else (crew,)
    population = _fresh(net, plan.seeds, fitted, recipe)
    return Started(population, (*choices, *seen, *chosen), crew.value)


def _around_module(
    recipe: Recipe,
    material: Material,
    settings: Settings,
    *,
    x_num: Tensor,
    x_cat: Tensor,
    d_out: int,
    source: ModuleSource,
) -> Started:
    if len(settings.plan.seeds) > 1:
        raise RecipeError(
            "your own net is trained as a single member",
            found=f"{len(settings.plan.seeds)} members were asked for (folds, or a list of settings)",
            hint="members=1 and one value for each setting",
        )
    asked = [name for name in (*OF_OUR_LAYERS, *OF_OUR_PICTURES) if getattr(recipe, name) is not None]
    asked += [] if recipe.bias else ["bias"]
    if asked:
        raise RecipeError(
            "your own net has layers of its own",
            found=f"{' and '.join(asked)} would change them",
            hint=f"leave {' and '.join(asked)} out, and write it into your module",
        )
    features = material.features
    if isinstance(features, PictureFeatures):
        net = picture_input_net(features.form.shape, scaling=recipe.scaling)
    else:
        net = input_net(_columns(material), scaling=recipe.scaling or "robust")
    module = make_module(source, net=net, d_out=d_out)
    fitted = fit_state(net, x_num=x_num, x_cat=x_cat)
    dtype, device = getattr(torch, recipe.dtype), choose_device(recipe)
    population = ModulePopulation(net, module, fitted=fitted, dtype=dtype, device=device)
    return Started(population, (Choice("net", type(module).__name__, "your own module"),))


def _columns(material: Material) -> Columns:
    fitted_on = slice(None) if material.folds is not None else slice(material.n_train)
    missing = tuple(np.flatnonzero(np.isnan(material.x_num[fitted_on]).any(axis=0)).tolist())
    return Columns(material.x_num.shape[1], missing, material.features.n_levels)


def _fresh(net: Net, seeds: tuple[int, ...], fitted: dict[str, Tensor], recipe: Recipe) -> Population:
    return start_population(net, seeds, fitted=fitted, dtype=getattr(torch, recipe.dtype), device=choose_device(recipe))


def choose_device(recipe: Recipe) -> torch.device:
    """The device that the recipe names, or CUDA where there is one. Raises RecipeError for one that is not there."""
    word = recipe.device
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if word not in {*known, *(["cuda"] if len(known) > 1 else [])}:
        raise RecipeError(
            "a device must be there", found=f"'{word}' is not among {', '.join(known)}", hint="--device cpu"
        )
    return torch.device(word)
