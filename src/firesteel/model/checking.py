"""A fitted population checked on the test rows, once: scores, baselines, mistakes, importances as a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from firesteel.data import FILE, Pictures, Schema, Split, Table, as_numbers, as_words, spoken_form
from firesteel.errors import DataError
from firesteel.evaluation import (
    Answer,
    Baseline,
    History,
    Importance,
    Mistakes,
    Notice,
    Report,
    Score,
    Sights,
    compare_with_best,
    contenders_of,
    find_mistakes,
    fit_baselines,
    permutation_importance,
    score,
    with_spread,
)
from firesteel.evaluation import Rows as BaselineRows
from firesteel.features import Batch, Features
from firesteel.model.examining import doctor_notices
from firesteel.model.fitting import Fitted, Judged
from firesteel.model.linear_terms import linear_terms
from firesteel.model.material import Material, encode
from firesteel.model.model import Model, answers_of
from firesteel.model.readout import Readout
from firesteel.model.seeing import see
from firesteel.model.tracing import trace
from firesteel.recipe import Choice, Recipe, Task
from firesteel.training import first_seed


def check_population(
    recipe: Recipe,
    fitted: Fitted,
    *,
    material: Material,
    schema: Schema,
    split: Split,
    test: Table,
    notices: Sequence[Notice],
    choices: Sequence[Choice],
) -> Report:
    """The report of a fitted population; `test` holds the rows that `split.test` counts."""
    started = time.perf_counter()
    task, seed = schema.target.task, first_seed(recipe)
    held = test.take(split.test)
    batch = encode(fitted.features, held)
    y = fitted.features.encode_target(held.frame)
    answer_of = partial(answers_of, fitted.population, fitted.readout)
    answer = answer_of(batch)
    baselines = _beside(recipe, fitted, material=material, batch=batch, y=y)
    curve, plane = trace(fitted, material, batch=batch, y=y, seed=seed)
    run = fitted.run
    return Report(
        task,
        schema.target.name,
        score(y, answer, task=task, seed=seed),
        split=split.how,
        n_rows={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        classes=schema.target.classes,
        val=score_judged(fitted.judged, task=task, seed=seed) if material.has_val else (),
        baselines=baselines,
        comparison=compare_with_best(answer, baselines, task=task, y=y, seed=seed),
        mistakes=find_mistakes(y, answer, task=task, seed=seed),
        importances=_importances(fitted, answer_of, batch, y=y, seed=seed),
        history=History(run.train_loss, run.val_loss, run.best_epoch),
        choices=(*choices, *fitted.choices),
        notices=(
            *notices,
            *_curvature_notice(fitted, recipe),
            *(() if fitted.diagnosis is None else doctor_notices(fitted.diagnosis)),
            *(Notice("test_rows", text) for text in batch.notices),
        ),
        doctor={} if fitted.diagnosis is None else fitted.diagnosis.to_dict(),
        curvature=fitted.curvature,
        compared=fitted.compared,
        terms=linear_terms(fitted, material) if recipe.net == "linear" else (),
        sights=_sights(fitted, held, batch, y=y, answer=answer),
        curve=curve,
        plane=plane,
        is_target_scaled=task != "regression" or fitted.readout != Readout(task),
        n_columns=len(fitted.features.sources),
        reads=spoken_form(held.form) if isinstance(held, Pictures) else "",
        n_members=fitted.population.k,
        n_params=fitted.population.n_params,
        seconds={"training": fitted.seconds, "evaluating": time.perf_counter() - started},
    )


def _beside(recipe: Recipe, fitted: Fitted, *, material: Material, batch: Batch, y: np.ndarray) -> tuple[Baseline, ...]:
    """The classical models on the same rows, where the recipe wants them."""
    if not recipe.baselines:
        return ()
    features = fitted.features
    return fit_baselines(
        BaselineRows(material.x_num, material.x_cat, material.y),
        BaselineRows(batch.x_num, batch.x_cat, y),
        task=features.target.task,
        n_levels=features.n_levels,
        seed=first_seed(recipe),
        threads=recipe.threads or 1,
        n_classes=len(features.target.classes) or None,
        names=features.num_labels if isinstance(features, Features) else (),
        asked=asked_baselines(recipe),
    )


def _curvature_notice(fitted: Fitted, recipe: Recipe) -> tuple[Notice, ...]:
    if fitted.curvature is None:
        return ()
    chosen = {choice.name: choice.value for choice in fitted.choices}
    lr = chosen.get("lr", recipe.lr)
    is_above = isinstance(lr, int | float) and lr > fitted.curvature.lr_limit
    said = f"; the lr was {lr:g}, above it: these answers are those of a run that blew up" if is_above else ""
    return (Notice("curvature", fitted.curvature.sentence + said),)


def asked_baselines(recipe: Recipe) -> tuple[str, ...]:
    """The baselines that the recipe names; none where it leaves the choice to us."""
    return recipe.baselines if isinstance(recipe.baselines, tuple) else ()


def check_baselines(recipe: Recipe, task: Task) -> None:
    """Before hours of training: raises RecipeError for a baseline of another task."""
    contenders_of(task, asked_baselines(recipe))


def _importances(
    fitted: Fitted, answer_of: Callable[[Batch], Answer], batch: Batch, *, y: np.ndarray, seed: int
) -> tuple[Importance, ...]:
    """Of columns; pixels say what they say together, and sights show it."""
    features = fitted.features
    if not isinstance(features, Features):
        return ()
    return permutation_importance(
        answer_of, batch, y=y, task=features.target.task, columns=places_of(features), seed=seed
    )


def _sights(fitted: Fitted, held: Table, batch: Batch, *, y: np.ndarray, answer: Answer) -> Sights | None:
    if not (isinstance(held, Pictures) and fitted.features.target.classes):
        return None
    names = held.frame[FILE].to_list()
    return see(fitted.population, batch, y, answer=answer, pixels=held.pixels, names=names)


def score_judged(judged: Judged, *, task: Task, seed: int) -> tuple[Score, ...]:
    """Scores on val rows (out of fold), with the spread over the members where there are several."""
    scores = score(judged.y, judged.answer, task=task, seed=seed)
    own = []
    for member in np.unique(judged.member):
        mine = judged.member == member
        own.append(score(judged.y[mine], judged.answer[mine], task=task, seed=seed, n_resamples=1))
    return with_spread(scores, own)


def places_of(features: Features) -> list[tuple[str, list[int], list[int]]]:
    """Each raw column that is read, with its places in `x_num` and `x_cat`."""
    return [
        (
            source,
            [i for i, name in enumerate(features.num_sources) if name == source],
            [i for i, name in enumerate(features.cat_names) if name == source],
        )
        for source in features.sources
    ]


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on rows that it was not made with."""

    scores: tuple[Score, ...]
    mistakes: Mistakes
    n_rows: int
    notices: tuple[Notice, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Under the same names as a report: all these rows are test rows."""
        return {
            "n_rows": {"test": self.n_rows},
            "scores": {"test": {found.name: found.to_dict() for found in self.scores if found.is_applicable}},
            **self.mistakes.to_dict(),
            "notices": [notice.to_dict() for notice in self.notices],
            "seconds": {"evaluating": self.seconds},
        }


def evaluate_model(model: Model, table: Table) -> Evaluation:
    """Scores on the rows of the table whose target is there. Raises DataError where none is, or a column is missing."""
    started = time.perf_counter()
    target = model.schema.target
    is_known = (as_words if target.classes else as_numbers)(table.frame[target.name]).is_not_null()
    known = table.take(np.flatnonzero(is_known.to_numpy()))
    frame = known.frame
    if frame.height == 0:
        raise DataError(
            "rows to evaluate on need their target",
            found=f"'{target.name}' is missing in all",
            hint="firesteel predict",
        )
    batch, seen = model.encode_new(known)
    y = model.features.encode_target(frame)
    answer = model.answer(batch)
    seed = first_seed(model.recipe)
    notices = [Notice("read", text) for text in table.notices]
    notices += [Notice("test_rows", odd.text) for odd in seen]
    if n_lost := table.n_rows - frame.height:
        rows = "1 row has" if n_lost == 1 else f"{n_lost:,} rows have"
        notices.append(Notice("no_target", f"{rows} no '{target.name}' and cannot be scored"))
    scores = score(y, answer, task=target.task, seed=seed)
    mistakes = find_mistakes(y, answer, task=target.task, seed=seed)
    return Evaluation(scores, mistakes, frame.height, tuple(notices), seconds=time.perf_counter() - started)
