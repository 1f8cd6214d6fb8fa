"""The verbs: the only place where the rooms meet. Each is one word of the command line, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

from firesteel.data import (
    Form,
    Look,
    Pictures,
    Schema,
    Split,
    Table,
    Wish,
    header_of,
    is_column,
    look_over,
    look_over_pictures,
    match_test_labels,
    read_input,
    read_picture_schema,
    read_schema,
    split_rows,
    to_table,
)
from firesteel.errors import DataError, RecipeError
from firesteel.features import PictureFeatures
from firesteel.gallery import Outcome, find_entry, read_entries, run_entry
from firesteel.model import (
    Evaluation,
    Model,
    Predictions,
    Unfinished,
    check_baselines,
    check_place,
    check_population,
    evaluate_model,
    fit_population,
    gather_material,
    gather_notices,
    label_type_of,
    load_model,
    predict_file,
    predict_pictures,
    predict_table,
    run_key_of,
    save_model,
)
from firesteel.nets import ModuleSource
from firesteel.recipe import Recipe, make_recipe, read_recipe
from firesteel.training import Observer, first_seed

RunSource = str | Path | Model


def fit(
    data: Any = None,
    target: Any = None,
    *,
    test: Any = None,
    net: ModuleSource | str | None = None,
    recipe: str | Path | Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    force: bool = False,
    resume: str | Path | None = None,
    observer: Observer | None = None,
    on_reading: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Model:
    """A trained and checked model from a table or from pictures.

    `data`: a file, a folder of pictures, the name of a set ("digits", "mnist"), a pandas or polars DataFrame, or an
    array `(n_rows, n_columns)` or `(n, h, w)`, then with `target` as the array of answers `(n_rows,)`. `target`: the
    column to predict, its name or number (-1 = last). `test`: other rows that test the model, instead of rows held out.
    `net`: "mlp", "linear", "conv", "resnet", a torch module of your own that turns `(batch, d_in)`, or pictures
    `(batch, channels, height, width)`, into `(batch, d_out)`, or a function that makes one from `(d_in, d_out)`.
    `recipe`: a recipe file or a dict; `options` are the recipe's fields (`firesteel fit --help` lists them) and go
    before it. `output`: the run folder to write. `resume`: the run folder of a killed run, to go on with it to the
    same weights. `observer` is called with a `Sight` in training, `on_reading` with how many pictures of how many.

    Raises: FiresteelError for what cannot be used, with what to try next; nothing is written or lost then.
    """
    started = time.perf_counter()
    if resume is not None:
        recipe, output = {**read_recipe(Unfinished.find(resume).recipe), **_fields(recipe)}, resume
    asked = _ask(recipe, options, data=data, target=target, test=test, net=net)
    table, test_table = _tables(data, target, test, asked, on_reading=on_reading)
    is_resumed = resume is not None
    has_header = header_of(asked.data if data is None else data, table)
    unfinished = None if output is None else Unfinished(Path(output))
    if unfinished is not None:
        check_place(unfinished.place, force=force or is_resumed)
        unfinished.check(may_exist=force or is_resumed)
    return _train_and_save(
        asked,
        table,
        test_table,
        has_header=has_header,
        net=None if isinstance(net, str) else net,
        observer=observer,
        begun=nullcontext() if unfinished is None else unfinished.begun(asked, is_resumed=is_resumed),
        output=output,
        force=force or is_resumed,
        started=started,
    )


def predict(
    run: RunSource,
    data: Any,
    *,
    output: str | Path | None = None,
    id_columns: Sequence[str] = (),
    force: bool = False,
    sheet: str | Path | None = None,
    net: ModuleSource | None = None,
) -> Predictions:
    """The model's answers for new rows or pictures, in their order: a frame, or with `output` a CSV file.

    `run`: a run folder or a model. `data` as for `fit`, a target not needed; pictures are a file, a list of files, a
    folder or arrays. `id_columns` are put in front of the answers. Tables are read in parts, so that a file larger than
    memory works with `output`. `sheet`: a PNG file to write, with the pictures and their answers.
    Raises: FiresteelError.
    """
    model = _model(run, net)
    if isinstance(model.features, PictureFeatures):
        if id_columns:
            raise RecipeError("--id names columns", found="pictures have none", hint="their files' names are there")
        return predict_pictures(model, data, output=output, force=force, sheet=sheet)
    if sheet is not None:
        raise RecipeError(
            "a sheet shows pictures", found=f"the model predicts '{model.report.target}' from columns", hint="no sheet"
        )
    source = data if isinstance(data, str | Path) else to_table(data)
    if output is None:
        return predict_table(model, source, id_columns=id_columns)
    return predict_file(model, source, output=output, id_columns=id_columns, force=force)


def evaluate(run: RunSource, data: Any, target: Any = None, *, net: ModuleSource | None = None) -> Evaluation:
    """The model's scores on other rows whose answers are known. `data` and `target` as for `fit`."""
    model = _model(run, net)
    y = None if is_column(target) else target
    if isinstance(model.features, PictureFeatures):
        wish = Wish(form=model.features.form)
        found, own_test = read_input(data, y, target=model.schema.target.name, wish=wish)
        table = own_test or found
        table = table.labelled(model.schema.target.name) if isinstance(table, Pictures) else table
    else:
        table = to_table(data, y, has_header=model.has_header)
    if is_column(target):
        _check_target(target, table, model)
    return evaluate_model(model, match_test_labels(table, model.schema))


def show(run: RunSource, *, net: ModuleSource | None = None) -> Model:
    """The model of a run folder, to be looked at: its report has the scores, the choices and their reasons."""
    return _model(run, net)


def data(source: Any, target: str | Integral | int | None = None) -> Look:
    """What is in a table: kinds of columns, missing values, equal rows, and with a target what gives it away.

    Of pictures: their form, classes, and how many are nearly equal.
    """
    word = str(source) if isinstance(source, str | Path) else "FILE"
    number = int(target) if isinstance(target, Integral) else target
    table, test = read_input(source, target=number)
    if isinstance(table, Pictures):
        return look_over_pictures(table, n_test=0 if test is None else test.n_rows, source=word)
    return look_over(table, number, source=word)


def read(data: Any, *, has_header: bool | None = None) -> Table:
    """The rows of a file, a set, a frame or an array, as `fit` reads them: `read("rows.csv").frame`.

    Of pictures also `pixels`, uint8 `(n, h, w, c)`. `has_header` overrules what the first row of a text file seems.
    """
    return read_input(data, has_header=has_header)[0]


def load(run: str | Path, *, net: ModuleSource | None = None) -> Model:
    """The model of a run folder; `net` is the module it was trained with, when that was your own."""
    return load_model(run, net=net)


def save(model: Model, output: str | Path, *, force: bool = False) -> None:
    """Write a run folder, all of it or nothing; an earlier run there is replaced only with `force`."""
    save_model(model, output, force=force)


def gallery(
    *names: str,
    seeds: int = 1,
    fast: bool = False,
    output: str | Path | None = None,
    force: bool = False,
    data_dir: str | Path | None = None,
    offline: bool = False,
    observer: Observer | None = None,
) -> Iterator[Outcome]:
    """Worked examples run, one after the other: what each reached beside what it must reach.

    `names`: ids of entries; none = all, in the order of the path. Each is run with the seeds 0 to `seeds` - 1.
    `fast`: cut short, for a quick check. `output`: the run folder of the one entry that is named. `data_dir` and
    `offline` say where named sets lie and that none is fetched. Raises FiresteelError as `fit` does.
    """
    entries = [find_entry(name) for name in names] or list(read_entries().values())
    if seeds < 1:
        raise RecipeError("at least one seed is run", found=f"seeds is {seeds}", hint="seeds=1")
    if output is not None and (len(entries) > 1 or seeds > 1):
        raise RecipeError(
            "one run folder is for one entry with one seed",
            found=f"{len(entries)} entries, {seeds} seeds",
            hint="name one entry, or leave the output out",
        )
    if data_dir is not None and not Path(data_dir).is_dir():
        raise RecipeError("a data folder must be there", found=f"'{data_dir}' is none", hint="--data-dir FOLDER")
    wish = Wish(data_dir=None if data_dir is None else Path(data_dir), is_offline=offline)
    place = None if output is None else Path(output)
    run = partial(run_entry, fit=partial(fit, observer=observer), is_fast=fast, output=place, force=force, wish=wish)
    return (run(entry, seed=seed) for entry in entries for seed in range(seeds))


#: Each verb is one word of the command line and one section of the docs.
VERBS = (fit, predict, evaluate, show, data, gallery)


def _train_and_save(
    asked: Recipe,
    table: Table,
    test_table: Table | None,
    *,
    has_header: bool | None,
    net: ModuleSource | None,
    observer: Observer | None,
    begun: AbstractContextManager[Path | None],
    output: str | Path | None,
    force: bool,
    started: float,
) -> Model:
    """The rooms in their order: schema, split, features, population, report, model, run folder."""
    schema, split, test_table = _prepare(asked, table, test_table)
    check_baselines(asked, schema.target.task)
    material, choices = gather_material(asked, table, schema=schema, split=split, is_own_net=net is not None)
    run_key = run_key_of(asked, table, test=test_table, source=net)
    reading_s = time.perf_counter() - started
    with begun as checkpoint:
        fitted = fit_population(asked, material, net=net, observer=observer, checkpoint=checkpoint, run_key=run_key)
        report = check_population(
            asked,
            fitted,
            material=material,
            schema=schema,
            split=split,
            test=table if test_table is None else test_table,
            notices=gather_notices(table, schema, split=split, test=test_table, material=material, run=fitted.run),
            choices=choices,
        )
        report = replace(report, seconds={"reading": reading_s, **report.seconds})
        recipe = asked.completed(report.choices) if net is None else asked
        model = Model(
            recipe,
            schema,
            fitted.features,
            fitted.readout,
            report,
            fitted.population,
            has_header=has_header,
            label_type=label_type_of(table.frame[schema.target.name], schema.target.classes),
            split=split,
        )
        if output is not None:
            save_model(model, output, force=force)
    return model


def _ask(
    recipe: str | Path | Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    data: Any,
    target: Any,
    test: Any,
    net: Any,
) -> Recipe:
    """One recipe of the recipe file and the words of this call, which go before it."""
    fields = {**_fields(recipe), **options}
    words = {"data": data, "target": target, "test": test, "net": net}
    fields |= {name: str(word) for name, word in words.items() if isinstance(word, str | Path)}
    if isinstance(target, Integral):  # NumPy's whole numbers, too
        fields["target"] = int(target)
    return make_recipe(**fields)


def _fields(recipe: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    if recipe is None:
        return {}
    return dict(recipe) if isinstance(recipe, Mapping) else read_recipe(recipe)


def _tables(
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


def _check_target(target: str | Integral | None, table: Table, model: Model) -> None:
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


def _prepare(asked: Recipe, table: Table, test: Table | None) -> tuple[Schema, Split, Table | None]:
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


def _model(run: RunSource, net: ModuleSource | None) -> Model:
    if isinstance(run, Model):
        return run
    if not isinstance(run, str | Path):
        raise DataError("a run is a folder or a Model", found=f"a {type(run).__name__}", hint="firesteel.load(folder)")
    return load_model(run, net=net)
