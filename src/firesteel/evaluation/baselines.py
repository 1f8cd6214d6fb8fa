"""Classical models on the same rows as the network, with the same scores: what it has to beat."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from firesteel.errors import RecipeError
from firesteel.evaluation import classical
from firesteel.evaluation.classical import Found, Job, Rows, Setup
from firesteel.evaluation.intervals import Score, score
from firesteel.evaluation.metrics import CLASSES, MAIN_METRIC, REGRESSION, Answer
from firesteel.evaluation.terms import Term, term_name
from firesteel.recipe import Task

#: Numbers that a baseline learns from at most, so that one of many columns (or pixels) does not take the whole evening;
#: but so many rows in any case. Tables of fewer than 80 columns are never cut by it at 50,000 rows.
MAX_NUMBERS, MIN_WIDE_ROWS = 4_000_000, 1_000

CHUNK_ROWS = 20_000  # test rows prepared and answered at once: bounded memory


@dataclass(frozen=True)
class Baseline:
    """A classical model's scores on the test rows; none where it could not run, and `note` says why."""

    name: str
    label: str
    scores: tuple[Score, ...]
    seconds: float
    note: str = ""
    answer: Answer | None = None  # kept for paired comparisons, not on disk
    terms: tuple[Term, ...] = ()  # of a model that is a sum of powers of numeric columns, in their units

    @property
    def is_applicable(self) -> bool:
        return bool(self.scores)

    def main_score(self, task: Task) -> Score:
        """The score by which models are ranked; only of a baseline that is applicable."""
        return next(found for found in self.scores if found.name == MAIN_METRIC[task])

    def to_dict(self) -> dict[str, Any]:
        scores = {found.name: found.to_dict() for found in self.scores if found.is_applicable}
        record = {"label": self.label, "scores": scores, "seconds": round(self.seconds, 3), "note": self.note}
        return {**record, "terms": [term.to_dict() for term in self.terms]} if self.terms else record

    @classmethod
    def from_dict(cls, name: str, record: dict[str, Any]) -> Baseline:
        scores = tuple(Score.from_dict(metric, found) for metric, found in record["scores"].items())
        terms = tuple(Term.from_dict(term) for term in record.get("terms", ()))
        return cls(name, record["label"], scores, record["seconds"], record["note"], terms=terms)


@dataclass(frozen=True)
class Contender:
    """A registered baseline: how it is made, and how many training rows it can take in reasonable time.

    `obstacle` says why it is not for this table, "" where it is.
    """

    name: str
    label: str
    tasks: tuple[Task, ...]
    make: Callable[[Job], Setup]
    max_rows: Callable[[Job], int] = classical.all_rows
    is_constant: bool = False  # answers without looking at the columns
    obstacle: Callable[[Job], str] = lambda _: ""


CONTENDERS: tuple[Contender, ...] = (
    Contender("majority", "majority class", CLASSES, classical.constant, is_constant=True),
    Contender("mean", "mean", REGRESSION, classical.constant, is_constant=True),
    Contender("logistic_regression", "logistic regression", CLASSES, classical.logistic, classical.linear_rows),
    Contender("linear_regression", "linear regression", REGRESSION, classical.linear, classical.linear_rows),
    Contender(
        "polynomial",
        "polynomial",
        REGRESSION,
        classical.polynomial,
        classical.power_rows,
        obstacle=classical.polynomial_obstacle,
    ),
    Contender(
        "power_library",
        "power library",
        REGRESSION,
        classical.power_library,
        classical.power_rows,
        obstacle=classical.library_obstacle,
    ),
    Contender(
        "nearest_neighbours", "nearest neighbours", CLASSES + REGRESSION, classical.neighbours, classical.neighbour_rows
    ),
    Contender("svm", "SVM", CLASSES + REGRESSION, classical.svm),
    Contender("random_forest", "random forest", CLASSES + REGRESSION, classical.forest),
    Contender("gradient_boosting", "gradient boosting", CLASSES + REGRESSION, classical.boosting),
)


def contenders_of(task: Task, asked: Sequence[str] = ()) -> tuple[Contender, ...]:
    """The baselines of a task, or those of them that were asked for by name.

    Raises: RecipeError for a name of another task.
    """
    fitting = tuple(contender for contender in CONTENDERS if task in contender.tasks)
    if not asked:
        return fitting
    names = [contender.name for contender in fitting]
    for name in asked:
        if name not in names:
            raise RecipeError(
                f"a baseline must be one for {task}", found=f"'{name}' is not", hint=f"--baselines {','.join(names)}"
            )
    return tuple(contender for contender in fitting if contender.name in asked)


def fit_baselines(
    train: Rows,
    test: Rows,
    *,
    task: Task,
    n_levels: tuple[int, ...],
    seed: int,
    threads: int,
    n_classes: int | None = None,
    unit: str = "",
    names: Sequence[str] = (),
    asked: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> tuple[Baseline, ...]:
    """Every baseline of the task, fitted on `train`, scored on `test`.

    `n_levels` are the codes of each categorical column, 0 (unknown) among them. Without `n_classes`, as many as
    codes occur. `names` of the numeric columns give models that are sums their terms. `asked` names the baselines to
    fit, which then learn from all rows, whatever that costs. `tell` hears each label before its fit. Cost otherwise:
    about 20 s for 50,000 rows of 10 columns.

    Raises: RecipeError for a name in `asked` that is not of the task.
    """
    from threadpoolctl import threadpool_limits

    top = 0 if task == "regression" else 1 + int(max(train.y.max(), test.y.max()))
    n_classes = n_classes or max(top, 2)
    job = Job(task, train, test, n_levels, n_classes, seed, threads, is_asked=bool(asked))
    results = []
    with threadpool_limits(limits=threads):
        for contender in contenders_of(task, asked):
            if tell:
                tell(contender.label)
            results.append(_fit(contender, job, unit=unit, names=names))
    return tuple(results)


def _fit(contender: Contender, job: Job, *, unit: str, names: Sequence[str]) -> Baseline:
    """One baseline; a crash of scikit-learn is said as one, so that it cannot take the trained network with it."""
    job, n_known = replace(job, train=_rows_for(contender, job)), job.train.n_rows
    obstacle = "" if contender.is_constant else _obstacle(job.task, job.train) or contender.obstacle(job)
    if obstacle:
        return Baseline(contender.name, contender.label, (), 0.0, f"not applicable because {obstacle}")
    setup = contender.make(job)
    start = time.perf_counter()  # after the import of the estimator
    try:
        notes = _fit_watched(setup.estimator, job.train)
        answer = _answer(setup.estimator, job)
        found = setup.look(setup.estimator)
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return Baseline(contender.name, contender.label, (), time.perf_counter() - start, f"failed: {reason}")
    seconds = time.perf_counter() - start
    if not np.isfinite(answer).all():
        note = "not applicable because some of its answers are not finite"
        return Baseline(contender.name, contender.label, (), seconds, note)
    n_rows = job.train.n_rows if found.n_rows is None else found.n_rows
    sampled = f"on {n_rows:,} of {n_known:,} training rows" if n_rows < n_known and not contender.is_constant else ""
    note = "; ".join(text for text in (found.note, sampled, *notes) if text)
    scores = score(job.test.y, answer, task=job.task, seed=job.seed, unit=unit)
    terms = _terms(found, names)
    return Baseline(contender.name, contender.label, scores, seconds, note, answer, terms)


def _rows_for(contender: Contender, job: Job) -> Rows:
    """The training rows that a baseline can take: all where it was asked for by name."""
    if contender.is_constant:
        return job.train.narrowed()
    if job.is_asked:
        return job.train
    n_rows = max(MIN_WIDE_ROWS, MAX_NUMBERS // max(1, job.d_raw))
    return job.train.sample(min(contender.max_rows(job), n_rows), seed=job.seed)


def _terms(found: Found, names: Sequence[str]) -> tuple[Term, ...]:
    """The model's sum under the columns' names; none where it is no sum or the names are not known."""
    if found.power_sum is None or not names:
        return ()
    rows = zip(found.power_sum.powers, found.power_sum.coefficients, found.power_sum.effects, strict=True)
    return tuple(
        Term(term_name(names, [int(power) for power in powers]), float(coefficient), float(effect))
        for powers, coefficient, effect in rows
    )


def _obstacle(task: Task, rows: Rows) -> str:
    """Why no model can learn from these rows, or nothing."""
    if task != "regression" and len(np.unique(rows.y)) < 2:
        return "all training rows are of one class"
    if not rows.has_information():
        return "no column differs between the training rows"
    return ""


def _answer(estimator: Any, job: Job) -> Answer:
    """The answers of a fitted estimator on the test rows."""
    matrix = job.test.combined()
    chunks = [matrix[start : start + CHUNK_ROWS] for start in range(0, len(matrix), CHUNK_ROWS)]
    if job.task == "regression":
        return np.concatenate([estimator.predict(chunk) for chunk in chunks])
    proba = np.zeros((len(matrix), job.n_classes))  # a class without training rows keeps probability 0
    proba[:, estimator.classes_.astype(np.int64)] = np.concatenate([estimator.predict_proba(chunk) for chunk in chunks])
    return proba


def _fit_watched(estimator: Any, rows: Rows) -> list[str]:
    """Fits in place; a fit that did not converge becomes a note, every other warning goes on to the caller."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(rows.combined(), rows.y)
    notes = []
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            notes.append("stopped before it had converged")
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return sorted(set(notes))


def best_baseline(task: Task, baselines: tuple[Baseline, ...]) -> Baseline | None:
    """The best by the main metric, the first of equals; None where none could run."""
    able = [baseline for baseline in baselines if baseline.is_applicable]
    if not able:
        return None
    sign = 1 if able[0].main_score(task).is_higher_better else -1
    return max(able, key=lambda baseline: sign * _or_worst(baseline.main_score(task).value, sign))


def _or_worst(value: float, sign: int) -> float:
    return -sign * math.inf if math.isnan(value) else value
