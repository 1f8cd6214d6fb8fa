"""Any table of any kinds of columns either fits and answers its own rows, or is refused: never anything else."""

from __future__ import annotations

import datetime as dt
import math
import tempfile
import warnings
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import firesteel
from firesteel import FiresteelError

N_EXAMPLES = 40

EARLY, LATE = dt.datetime.fromisoformat("1700-01-01"), dt.datetime.fromisoformat("2200-01-01")

#: Kinds of columns, by what stands in them.
VALUES = {
    "numbers": st.floats(width=32),
    "extreme": st.sampled_from([0.0, -0.0, 1.0, 5e-324, 1e-308, 1.7e308, -1.7e308, math.inf, -math.inf, math.nan]),
    "whole": st.integers(-5, 5),
    "huge": st.integers(-(2**63), 2**63 - 1),
    "words": st.sampled_from(["a", "b", "c", " b ", "A", "?", "NA", ""]),
    "text": st.text(max_size=12),
    "dates": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    "times": st.datetimes(EARLY, LATE),
    "truth": st.booleans(),
    "constant": st.just("same"),
    "nothing": st.none(),
}  # fmt: skip

NAMES = st.one_of(
    st.sampled_from(["y", "id", "a b", "ü", "日付", "a,b", 'a"b', "a\nb", "", "0", "-1", "target"]), st.text(max_size=6)
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pl.DataFrame, int, int]:
    """A small table, the number of its target, and the seed of the run."""
    n_rows, n_columns = draw(st.integers(1, 40)), draw(st.integers(1, 5))
    names = draw(st.lists(NAMES, min_size=n_columns, max_size=n_columns, unique=True))
    columns = []
    for name in names:
        values = VALUES[draw(st.sampled_from(sorted(VALUES)))]
        kept = st.one_of(values, st.none()) if draw(st.booleans()) else values
        cells = draw(st.lists(kept, min_size=n_rows, max_size=n_rows))
        columns.append(pl.Series(name, cells, strict=True))
    return pl.DataFrame(columns), draw(st.integers(0, n_columns - 1)), draw(st.integers(0, 3))


def fit_or_refuse(data: object, target: int, seed: int) -> firesteel.Model | None:
    """The model; None where the table was refused in words that say what to do."""
    try:
        return firesteel.fit(data, target, seed=seed, epochs=1 + seed % 2, members=1 + seed // 2, baselines=False)
    except FiresteelError as error:
        refusal = str(error)
    assert "  Try: " in refusal
    return None


def assert_fits_or_is_refused(data: object, target: int, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_or_refuse(data, target, seed)
        if model is None:
            return
        frame = firesteel.predict(model, data).frame
    assert frame.height == sum(model.report.n_rows.values()) + model.schema.target.n_missing
    answers = frame.select(pl.selectors.float())
    assert all(answers.to_series(i).is_finite().all() for i in range(answers.width))


@settings(max_examples=N_EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables())
def test_any_frame_fits_or_is_refused(table: tuple[pl.DataFrame, int, int]) -> None:
    frame, target, seed = table
    assert_fits_or_is_refused(frame, target, seed)


def assert_file_fits_or_is_refused(path: Path, target: int, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_or_refuse(path, target, seed)
        if model is not None:
            assert firesteel.predict(model, path).n_rows == firesteel.read(path).n_rows


@settings(max_examples=N_EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(tables(), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_any_file_fits_or_is_refused(table: tuple[pl.DataFrame, int, int], delimiter: str, has_header: bool) -> None:
    frame, target, seed = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        frame.write_csv(path, separator=delimiter, include_header=has_header)
        assert_file_fits_or_is_refused(path, target, seed)
