"""The verbs: the only place where the rooms meet. Each is one word of the command line, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from numbers import Integral
from pathlib import Path
from typing import Any

from firesteel.api.asking import ask, check_target, fields, prepare, tables
from firesteel.api.doctoring import check_report, check_rules, check_script, find_module, write_report
from firesteel.data import (
    Look,
    Pictures,
    Table,
    Wish,
    header_of,
    is_column,
    look_over,
    look_over_pictures,
    match_test_labels,
    read_input,
    to_table,
)
from firesteel.doctor import Diagnosis, examine, look_at, to_list, to_rule_page
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
from firesteel.recipe import Recipe, read_recipe
from firesteel.training import Observer

__all__ = [
    "VERBS",
    "data",
    "doctor",
    "evaluate",
    "explain",
    "find_module",
    "fit",
    "gallery",
    "load",
    "predict",
    "read",
    "save",
    "show",
]

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
        recipe, output = {**read_recipe(Unfinished.find(resume).recipe), **fields(recipe)}, resume
    asked = ask(recipe, options, data=data, target=target, test=test, net=net)
    table, test_table = tables(data, target, test, asked, on_reading=on_reading)
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
        check_target(target, table, model)
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


def doctor(
    script: str | Path,
    args: Sequence[str] = (),
    *,
    is_module: bool = False,
    static: bool = False,
    steps: int | None = None,
    time_s: float | None = None,
    only: Sequence[str] = (),
    ignore: Sequence[str] = (),
    probes: bool = True,
    output: str | Path | None = None,
) -> Diagnosis:
    """Silent bugs of a training script: it is run as `python script args...` would run it, watched, and judged.

    `is_module`: `script` is what stands behind `python -m`. `static`: nothing is run, the source of a file or of all
    files of a folder is looked at. `steps`, `time_s`: stop the script after so many optimizer steps, or seconds.
    `only`, `ignore`: ids of rules ("O01") or groups ("O"). `probes`: captured steps may be replayed on copies.
    `output`: a file for the report, .html, .json, .sarif or .txt. Raises DataError for a script that is not there or a
    report that cannot be written, RecipeError for a rule that there is not.
    """
    check_script(script, is_module=is_module, is_static=static)
    check_rules(only, ignore, is_static=static)
    check_report(output)
    place = None if output is None else Path(output).absolute()  # the script may go elsewhere
    if static:
        diagnosis = look_at(script, only=only, ignore=ignore)
    else:
        diagnosis = examine(
            script, args, is_module=is_module, steps=steps, time_s=time_s, only=only, ignore=ignore, probes=probes
        )
    if place is not None:
        write_report(diagnosis, place, version=version("firesteel"))
    return diagnosis


def explain(rule: str | None = None) -> str:
    """The page of a rule of the doctor, as Markdown; without one, the list of all rules.

    Raises RecipeError for a rule that there is not.
    """
    if rule is None:
        return to_list()
    check_rules([rule])
    return to_rule_page(rule)


#: Each verb is one word of the command line and one section of the docs.
VERBS = (fit, predict, evaluate, show, data, gallery, doctor, explain)


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
    schema, split, test_table = prepare(asked, table, test_table)
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


def _model(run: RunSource, net: ModuleSource | None) -> Model:
    if isinstance(run, Model):
        return run
    if not isinstance(run, str | Path):
        raise DataError("a run is a folder or a Model", found=f"a {type(run).__name__}", hint="firesteel.load(folder)")
    return load_model(run, net=net)
