"""A model folder that somebody edited is a model that works, or a ModelError and nothing worse."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firesteel.errors import FiresteelError, ModelError
from firesteel.model import load_model, save_model
from firesteel.model.folder import read_folder, write_folder

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([-1, 0, 1, 2, "num"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def edited(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    record = copy.deepcopy(record)
    owner = record
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return record


@pytest.fixture(scope="module")
def scratch(finished_run, tmp_path_factory):
    """What writes an edited record as a whole run folder, and the record as it was."""
    place = tmp_path_factory.mktemp("edited") / "run"
    record, tensors = read_folder(finished_run)

    def write(record: dict[str, Any]) -> Path:
        write_folder(place, record, tensors=tensors, files={}, force=True)  # with checksums that fit
        return place

    return write, record


#: Everything but the report, whose numbers are only shown.
PARTS = ("schema", "features", "net", "n_members", "is_own_module", "readout", "recipe", "has_header")


@settings(max_examples=150)
@given(st.data())
def test_any_edit_of_the_record_works_or_is_a_model_error(scratch, make_rows, data):
    write, record = scratch
    part = data.draw(st.sampled_from(PARTS))
    path = (part, *data.draw(st.sampled_from(places(record[part]))))
    place = write(edited(record, path, data.draw(JSON)))
    try:
        model = load_model(place)
    except ModelError:
        return
    try:
        prediction = model.predict(make_rows(n=9).drop("y"))
    except FiresteelError:  # another column is asked for than these rows have
        return
    assert len(prediction.pred) == 9


@settings(max_examples=60)
@given(st.data())
@example(None)
def test_any_edit_of_the_report_works_or_is_a_model_error(scratch, data):
    write, record = scratch
    changed = record
    if data is not None:
        path = ("report", *data.draw(st.sampled_from(places(record["report"]))))
        changed = edited(record, path, data.draw(JSON))
    place = write(changed)
    try:
        model = load_model(place)
    except ModelError:
        assert changed is not record
        return
    assert repr(model)


def test_a_model_that_was_read_is_written_as_it_was(finished_run, tmp_path):
    model = load_model(finished_run)
    save_model(model, tmp_path / "again")
    for name in ("model.json", "weights.safetensors", "recipe.toml", "history.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (finished_run / name).read_bytes(), name


def test_the_torch_net_of_a_read_model_answers_like_it(finished_run, make_rows):
    import torch

    model, rows = load_model(finished_run), make_rows(n=20).drop("y")
    batch = model.encode(rows)
    with torch.no_grad():
        proba = model.net(torch.from_numpy(batch.x_num), torch.from_numpy(batch.x_cat))
    np.testing.assert_allclose(proba, model.predict(rows).proba, atol=1e-6)
