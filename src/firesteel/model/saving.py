"""A model on disk: data only, in a folder that a newcomer can read and a stranger's cannot harm."""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from firesteel.data import Schema
from firesteel.errors import FiresteelError, ModelError
from firesteel.evaluation import History, Report, render_page, write_png
from firesteel.features import Features, PictureFeatures
from firesteel.model.answers import LabelType, label_values
from firesteel.model.folder import read_folder, write_folder
from firesteel.model.material import AnyFeatures
from firesteel.model.model import Model
from firesteel.model.readout import Readout
from firesteel.model.records import check_report
from firesteel.nets import (
    ModulePopulation,
    ModuleSource,
    Net,
    Population,
    empty_population,
    make_module,
)
from firesteel.recipe import Recipe, make_recipe
from firesteel.training import n_outputs

#: How many classes the target of each task has.
N_CLASSES = {"regression": range(1), "binary": range(2, 3), "multiclass": range(3, sys.maxsize)}


def save_model(model: Model, path: str | Path, *, force: bool = False) -> None:
    """Write the run folder, all of it or nothing. Raises ModelError where that cannot be."""
    record = {
        "schema": model.schema.to_dict(),
        "features": model.features.to_dict(),
        "net": model.population.net.to_dict(),
        "n_members": model.population.k,
        "is_own_module": isinstance(model.population, ModulePopulation),
        "readout": model.readout.to_dict(),
        "recipe": model.recipe.to_dict(),
        "has_header": model.has_header,
        "label_type": model.label_type,
        "report": model.report.to_dict(),
    }
    write_folder(path, record, tensors=model.population.tensors(), files=_files(model, Path(path)), force=force)


def load_model(path: str | Path, *, net: ModuleSource | None = None) -> Model:
    """The model of a run folder; `net` is the module it was trained with, when that was the user's own.

    Raises: ModelError for a folder that is missing, damaged, or not as fit wrote it; no code in it is ever run.
    """
    record, tensors = read_folder(path)
    try:
        schema = TypeAdapter(Schema).validate_python(_part(record, "schema"))
        features = _features(_part(record, "features"))
        readout = Readout.from_dict(_part(record, "readout"))
        recipe = make_recipe(**_part(record, "recipe"))
        description = Net.from_dict(_part(record, "net"))
        report = Report.from_dict(_part(record, "report"))
        has_header: bool | None = TypeAdapter(bool | None).validate_python(_part(record, "has_header"), strict=True)
        label_type: LabelType = TypeAdapter(LabelType).validate_python(_part(record, "label_type"))
        label_values(schema.target.classes, label_type)  # raises ValueError for words that are none
        check_report(report, schema.target)
        _check_fit(description, features, schema=schema, readout=readout)
        population = _population(record, description, tensors, recipe=recipe, schema=schema, source=net)
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _edited(path, f"{type(error).__name__}: {error}".splitlines()[0]) from None
    except ModelError:
        raise
    except FiresteelError as error:
        raise _edited(path, f"{error.must}; {error.found}") from None
    return Model(recipe, schema, features, readout, report, population, has_header=has_header, label_type=label_type)


def _features(record: Any) -> AnyFeatures:
    """Pictures have a form, columns have none."""
    is_picture = isinstance(record, dict) and "form" in record
    return PictureFeatures.from_dict(record) if is_picture else Features.from_dict(record)


def _population(
    record: dict[str, Any],
    net: Net,
    tensors: dict[str, Tensor],
    *,
    recipe: Recipe,
    schema: Schema,
    source: ModuleSource | None,
) -> Population:
    dtype, k = getattr(torch, recipe.dtype), record["n_members"]
    d_out = n_outputs(recipe, task=schema.target.task, n_classes=len(schema.target.classes))
    _check_numbers(tensors, dtype)
    if record["is_own_module"]:
        if source is None:
            raise ModelError(
                "a model of your own module is loaded together with it",
                found="the folder holds its weights and no code",
                hint="firesteel.load(folder, net=MyNet())",
            )
        module = make_module(source, net=net, d_out=d_out)
        population: Population = ModulePopulation(net, module, fitted={}, dtype=dtype, device=torch.device("cpu"))
        _check_names(population, tensors)
    else:
        if net.d_out != d_out:
            raise ValueError(f"the net gives {net.d_out} numbers, and a {schema.target.task} target needs {d_out}")
        _check_shapes(net, tensors, k=k)
        population = empty_population(net, k=k, dtype=dtype, device=torch.device("cpu"))
    population.load(tensors)
    return population


def _files(model: Model, path: Path) -> dict[str, str | bytes]:
    report = model.report.to_dict()
    columns = model.schema.to_dict()["columns"]
    files: dict[str, str | bytes] = {
        **({} if model.split is None else {"split.json": _compact(model.split.to_dict())}),
        "recipe.toml": model.recipe.to_toml(),
        "scores.json": json.dumps(report, indent=2, ensure_ascii=False),
        "report.html": render_page(report, title=path.name, columns=columns, recipe=model.recipe.to_toml()),
    }
    if model.report.history is not None:
        files["history.csv"] = _history_csv(model.report.history)
    if model.recipe.figures:
        with tempfile.TemporaryDirectory() as folder:
            files |= {figure.name: figure.read_bytes() for figure in write_png(model.report, Path(folder))}
    return files


def _compact(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _history_csv(history: History) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "member", "train_loss", "val_loss", "is_best"])
    for epoch, (train, val) in enumerate(zip(history.train_loss, history.val_loss, strict=True), start=1):
        for member, best in enumerate(history.best_epoch):
            writer.writerow([epoch, member, repr(train[member]), repr(val[member]), int(epoch == best)])
    return text.getvalue()


def _part(record: dict[str, Any], name: str) -> Any:
    if name not in record:
        raise KeyError(f"model.json has no '{name}'")
    return record[name]


def _check_fit(net: Net, features: AnyFeatures, *, schema: Schema, readout: Readout) -> None:
    """Raises ValueError where the parts of a record do not belong together."""
    widths = features.widths
    if (net.d_num, net.d_cat) != widths:
        raise ValueError(
            f"the net reads {net.d_num} + {net.d_cat} columns, the features give {widths[0]} + {widths[1]}"
        )
    if isinstance(features, PictureFeatures):
        layers = [layer for branch in net.inputs.branches for layer in branch.layers.layers]
        if {getattr(layer, "shape", None) for layer in layers} != {features.form.shape}:
            raise ValueError(f"the net reads other pictures than {features.form.shape}")
    for columns, n_levels in net.read_levels():
        if tuple(features.n_levels[i] for i in columns) != n_levels:
            raise ValueError("the net and the features count different levels of a category")
    target = schema.target
    if len(set(target.classes)) < len(target.classes):
        raise ValueError("a class stands twice")
    if features.target != target or readout.task != target.task or len(target.classes) not in N_CLASSES[target.task]:
        raise ValueError("schema, features and readout name different targets")


def _check_shapes(net: Net, tensors: dict[str, Tensor], *, k: Any) -> None:
    """Raises ValueError unless the tensors are those of k members of this net; nothing is allocated before."""
    if type(k) is not int or k < 1:  # True is an int, too
        raise ValueError(f"n_members is {k!r}")
    expected = {param.name: (k, *param.shape) for param in net.params() + net.state()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in expected.keys() | found.keys():
        if expected.get(name) != found.get(name):
            raise ValueError(f"'{name}' has the shape {found.get(name)}, and {expected.get(name)} belongs there")


def _check_numbers(tensors: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Raises ValueError unless all are finite numbers of the recipe's dtype."""
    for name, tensor in tensors.items():
        if tensor.dtype != dtype:
            raise ValueError(f"'{name}' holds {tensor.dtype}, and {dtype} belongs there")
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"'{name}' holds values that are no numbers")


def _check_names(population: Population, tensors: dict[str, Tensor]) -> None:
    """Raises ModelError unless the user's module has the weights that were saved."""
    expected = {name: tuple(tensor.shape) for name, tensor in population.tensors().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ModelError(
                "net= must be the module that the model was trained with",
                found=f"'{name}' has the shape {expected.get(name)} there and {found.get(name)} in the folder",
                hint="firesteel.load(folder, net=...) with the same class and the same sizes",
            )


def _edited(path: str | Path, found: str) -> ModelError:
    return ModelError(
        f"'{path}' must be as fit wrote it", found=found, hint="take it from a copy, or fit the model again"
    )
