"""From the words of a call to a recipe, and from that to tables, schema and split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from firesteel.data import (
    Form,
    Pictures,
    Schema,
    Split,
    Table,
    Wish,
    is_column,
    match_test_labels,
    read_input,
    read_picture_schema,
    read_schema,
    split_rows,
)
from firesteel.errors import RecipeError
from firesteel.model import Model
from firesteel.recipe import Recipe, make_recipe, read_recipe
from firesteel.training import first_seed


def ask(
    recipe: str | Path | Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    data: Any,
    target: Any,
    test: Any,
    net: Any,
) -> Recipe:
    """One recipe of the recipe file and the words of this call, which go before it."""
    given = {**fields(recipe), **options}
    words = {"data": data, "target": target, "test": test, "net": net}
    given |= {name: str(word) for name, word in words.items() if isinstance(word, str | Path)}
    if isinstance(target, Integral):  # NumPy's whole numbers, too
        given["target"] = int(target)
    return make_recipe(**given)


def fields(recipe: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    if recipe is None:
        return {}
    return dict(recipe) if isinstance(recipe, Mapping) else read_recipe(recipe)


def tables(
    data: Any, target: Any, test: Any, asked: Recipe, *, on_reading: Callable[[int, int], None] | None
) -> tuple[Table, Table | None]:
    """The rows to learn from, and test rows where they were given or the set has its own."""
    source = asked.data if data is None else data
    if source is None:
        raise RecipeError(
            "fit needs data", found="no file and no set was named", hint="firesteel fit digits     or a file or folder"
        )
    return read_input(
        source,
        None if is_column(target) else target,
        test=asked.test if test is None else test,
        target=asked.target,
        wish=_wish(asked, on_reading),
        as_pictures=asked.pictures,
    )


def _wish(asked: Recipe, on_reading: Callable[[int, int], None] | None) -> Wish:
    return Wish(
        labels=None if asked.labels is None else Path(asked.labels),
        target=asked.target if isinstance(asked.target, str) else None,
        form=None if asked.size is None else Form.parse(asked.size),
        is_strict=asked.strict,
        is_offline=asked.offline,
        data_dir=None if asked.data_dir is None else Path(asked.data_dir),
        observer=on_reading,
    )


def check_target(target: str | Integral | None, table: Table, model: Model) -> None:
    """Raises RecipeError where another column is named than the model's target."""
    names, own = table.frame.columns, model.schema.target.name
    if isinstance(target, Integral):
        place = int(target)
        target = names[place] if -len(names) <= place < len(names) else str(place)
    if target not in (None, own):
        raise RecipeError(
            "a model is scored on the column that it predicts",
            found=f"'{target}' was named, and this one predicts '{own}'",
            hint=f"target='{own}', or leave it out",
        )


def prepare(asked: Recipe, table: Table, test: Table | None) -> tuple[Schema, Split, Table | None]:
    schema = _schema(asked, table)
    if test is not None:
        test = match_test_labels(test, schema)
    has_val = asked.val == "held_out"
    if not has_val and test is None:
        raise RecipeError(
            "rows that choose the best epoch may be those it learns from where other rows test it",
            found="val is 'train', and no test rows were given",
            hint="--test FILE, or leave --val out: rows are held out",
        )
    split = split_rows(
        table, schema, seed=first_seed(asked), group=asked.group, time=asked.time, test=test, has_val=has_val
    )
    return schema, split, test


def _schema(asked: Recipe, table: Table) -> Schema:
    if isinstance(table, Pictures):
        if asked.group is not None or asked.time is not None:
            raise RecipeError("pictures are split at random", found="--group or --time was given", hint="leave it out")
        return read_picture_schema(table, task=asked.task)
    return read_schema(
        table,
        _default_target(asked, table),
        task=asked.task,
        kind=asked.kind,
        drop=asked.drop,
        keep=asked.keep,
        group=asked.group,
        time=asked.time,
    )


def _default_target(asked: Recipe, table: Table) -> str | int | None:
    """The column asked for, or the column named `target` that arrays and built-in sets have."""
    if asked.target is not None:
        return asked.target
    return "target" if "target" in table.frame.columns else None
