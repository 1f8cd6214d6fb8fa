"""What scikit-learn's transformers were fitted on, and which rows they made of which: fingerprints alone are kept."""

from __future__ import annotations

import importlib.machinery
import sys
import weakref
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import torch

from firesteel.doctor.fits import Fit, Transform
from firesteel.doctor.rows import MOST_ROWS, fingerprints
from firesteel.doctor.sites import find_site
from firesteel.doctor.state import Watched

_BASE = "sklearn.base"
#: So many fits and transforms are kept, and tables of so many numbers.
MOST_KEPT, MOST_NUMBERS = 200, 5_000_000
#: What is fitted and does not depend on the rows, or on their bounds alone; V05 sees those by the bounds.
_RANDOM = ("random_weights_", "random_offset_", "density_")
_BOUNDS = ("data_min_", "max_abs_", "variances_")


def watch_fits(watch: Watched, hooks: list[Any]) -> None:
    """Sees fits and transforms of scikit-learn, now or once the script has imported it."""
    fits = _Fits(watch)
    if _BASE in sys.modules:
        fits.install(sys.modules[_BASE])
    else:
        finder = _Finder(fits.install)
        sys.meta_path.insert(0, finder)
        hooks.append(finder)


class _Finder:
    """Stands before the other finders until scikit-learn is imported, and sees it when it has been run."""

    def __init__(self, seen: Callable[[ModuleType], None]) -> None:
        self._seen = seen

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _BASE:
            return None
        self.remove()
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        execute = getattr(spec.loader, "exec_module", None) if spec is not None else None
        if spec is None or execute is None:
            return None

        def run(module: ModuleType) -> None:
            execute(module)
            self._seen(module)

        vars(spec.loader)["exec_module"] = run
        return spec

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class _Fits:
    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._last: dict[int, tuple[weakref.ref[Any], Fit]] = {}

    def install(self, base: ModuleType) -> None:
        wrapping = sys.modules.get("sklearn.utils._set_output")
        if wrapping is None or not hasattr(base, "BaseEstimator"):
            return
        self._watch.patches.replace(base.BaseEstimator, "_validate_params", self._make_validate)
        self._watch.patches.replace(wrapping, "_wrap_data_with_container", self._make_wrap)

    def _make_validate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def _validate_params(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            if not watch.is_paused:
                with watch.shield("seeing something being fitted"):
                    self._note_fit(estimator, sys._getframe(1))
            return original(estimator, *args, **kwargs)

        return _validate_params

    def _note_fit(self, estimator: Any, frame: FrameType) -> None:
        given, words = frame.f_locals.get("args"), frame.f_locals.get("kwargs")
        if "fit_method" not in frame.f_locals or not isinstance(given, tuple) or not hasattr(estimator, "transform"):
            return
        rows = _rows_of(given[0] if given else (words or {}).get("X"))
        if rows is None or len(self._watch.facts.fits) >= MOST_KEPT:
            return
        fit = Fit(self._watch.tick(), type(estimator).__name__, find_site(frame), rows)
        self._last[id(estimator)] = weakref.ref(estimator), fit
        self._watch.facts.fits.append(fit)

    def _make_wrap(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def _wrap_data_with_container(method: Any, data: Any, given: Any, estimator: Any) -> Any:
            if not watch.is_paused:
                with watch.shield("seeing rows being transformed"):
                    self._note_transform(estimator, given, data)
            return original(method, data, given, estimator)

        return _wrap_data_with_container

    def _note_transform(self, estimator: Any, given: Any, data: Any) -> None:
        known = self._last.get(id(estimator))
        transforms = self._watch.facts.transforms
        if known is None or known[0]() is not estimator or len(transforms) >= MOST_KEPT:
            return
        before, after = _rows_of(given), _rows_of(data)
        if before is not None and after is not None and len(before) == len(after):
            transforms.append(Transform(known[1], before, after, learns=_learns(estimator, _has_missing(given))))


def _has_missing(table: Any) -> bool:
    values = np.asarray(table) if not hasattr(table, "toarray") else np.zeros(0)
    return values.dtype.kind == "f" and bool(np.isnan(values).any())


def _learns(estimator: Any, has_missing: bool) -> bool:
    """What it was fitted on is in its numbers, an imputer's where something is missing."""
    for part in _parts_of(estimator):
        held = {name: one for name, one in vars(part).items() if name.endswith("_") and not name.startswith("_")}
        if getattr(part, "strategy", "") == "constant" or any(name in held for name in (*_RANDOM, *_BOUNDS)):
            continue
        if ("statistics_" in held or "_fit_X" in vars(part)) and not has_missing:
            continue
        if "_fit_X" in vars(part) or "encodings_" in held or any(_is_numbers(one) for one in held.values()):
            return True
    return False


def _is_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0


def _parts_of(estimator: Any, depth: int = 4) -> list[Any]:
    """Itself, and the steps of a pipeline."""
    steps = [*getattr(estimator, "steps", []), *getattr(estimator, "transformers_", [])]
    inner = [one[1] for one in steps if hasattr(one[1], "get_params")] if depth else []
    return [estimator, *(part for one in inner for part in _parts_of(one, depth - 1))]


def _rows_of(table: Any) -> Any:
    """`(n,)` fingerprints of what a table holds, as float32 if it holds numbers; None for anything else."""
    if hasattr(table, "toarray"):
        if int(np.prod(table.shape)) > MOST_NUMBERS:
            return None
        table = table.toarray()
    if hasattr(table, "to_numpy"):
        table = table.to_numpy()
    if isinstance(table, torch.Tensor):
        table = table.detach().cpu().numpy()
    if isinstance(table, list):
        table = np.asarray(table)
    if not isinstance(table, np.ndarray) or table.ndim != 2 or not 0 < len(table) <= MOST_ROWS:
        return None
    if table.size > MOST_NUMBERS:
        return None
    if table.dtype.kind in "fiub":
        with np.errstate(all="ignore"):  # numbers too large for single precision
            return fingerprints(torch.from_numpy(np.array(table, dtype=np.float32, order="C")))
    return np.array([hash(tuple(map(str, row))) for row in table.tolist()], dtype=np.int64)
