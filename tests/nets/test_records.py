"""Nets as data: what `to_dict` writes comes back, and anything else is a NetError and nothing worse."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import NetError
from firesteel.nets import Branch, Concat, Net, Sequential, empty_population
from firesteel.nets.activations import ReLU
from firesteel.nets.columns import Impute, OneHot
from firesteel.nets.embeddings import Embedding
from firesteel.nets.layer import layer_from_dict
from firesteel.nets.linear import Linear

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Linear", "OneHot", "Sequential", "num", "cat", "_FixedLayer", "Layer", "he"])
)
KEYS = st.sampled_from(["layer", "layers", "width", "init", "columns", "n_levels", "source"]) | st.text(max_size=4)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def changed(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    record = copy.deepcopy(record)
    owner = record
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return record


def test_a_net_survives_its_record_as_json(net):
    assert Net.from_dict(json.loads(json.dumps(net.to_dict()))) == net


@given(JSON)
def test_any_json_is_a_net_or_a_net_error(record):
    for read in (Net.from_dict, layer_from_dict):
        with contextlib.suppress(NetError):
            read(record)


@given(st.data())
def test_an_edited_net_works_or_is_a_net_error(net, data):
    record = net.to_dict()
    edited = changed(record, data.draw(st.sampled_from(places(record))), data.draw(JSON))
    try:
        found = Net.from_dict(edited)
    except NetError:
        return
    if sum(torch.Size(param.shape).numel() for param in found.params() + found.state()) < 1e6 and found.d_dense < 1e4:
        population = empty_population(found, k=2, dtype=torch.float32, device=torch.device("cpu"))
        x_num, x_cat = torch.zeros(3, found.d_num), torch.zeros(3, found.d_cat, dtype=torch.int64)
        assert population.answers(population.prepare(x_num, x_cat)).shape == (2, 3, found.d_out)


def test_a_record_nested_without_end_is_a_net_error():
    record: dict[str, Any] = {"layer": "ReLU"}
    for _ in range(50_000):
        record = {"layer": "Sequential", "layers": [record]}
    with pytest.raises(NetError, match="fit wrote"):
        Net.from_dict({"d_num": 1, "d_cat": 0, "inputs": [{"source": "num", "layers": record}], "body": record})


@pytest.mark.parametrize(
    "name", ["Layer", "_FixedLayer", "_Norm", "Activation", "object", "", "linear"], ids=lambda name: name or "(empty)"
)
def test_only_whole_layers_are_made(name):
    with pytest.raises(NetError, match="a layer is one of Augment, AvgPool2d, BatchNorm1d"):
        layer_from_dict({"layer": name})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 2.5),
        ("width", True),
        ("width", "4"),
        ("width", 10**30),
        ("init", "eval"),
        ("init", ["he"]),
    ],
)
def test_a_field_of_another_kind_is_named(field, value):
    with pytest.raises(NetError, match=f"Linear.{field}"):
        layer_from_dict({**Linear(4).to_dict(), field: value})


def test_numbers_that_are_none_are_refused():
    for slope in (float("nan"), float("inf")):
        with pytest.raises(NetError, match=r"LeakyReLU\.slope"):
            layer_from_dict({"layer": "LeakyReLU", "slope": slope})


def test_missing_and_foreign_fields_are_refused():
    for record in ({"layer": "Linear", "init": "he"}, {**Linear(4).to_dict(), "bias": False}):
        with pytest.raises(NetError, match="Linear has the fields width, init"):
            layer_from_dict(record)


def test_a_record_of_before_a_field_was_there_has_its_default():
    assert layer_from_dict({"layer": "Linear", "width": 4, "init": "zeros"}) == Linear(4, init="zeros")


NUMBERS = Branch("num", Sequential((Impute(),)))
MISPLACED = {
    "codes in a branch of numbers": lambda: net_of(Branch("num", Sequential((Embedding((0,), (3,)),)))),
    "numbers in a branch of codes": lambda: net_of(Branch("cat", Sequential((Impute(),)))),
    "codes after another layer": lambda: net_of(Branch("cat", Sequential((OneHot((0,), (3,)), OneHot((0,), (3,)))))),
    "a fitted layer after one that learns": lambda: net_of(Branch("num", Sequential((Linear(2), Impute())))),
    "a fitted layer in the body": lambda: net_of(NUMBERS, Impute()),
    "a fitted layer in a nested Sequential": lambda: net_of(NUMBERS, Sequential((ReLU(), Impute()))),
    "a Sequential of nothing over codes": lambda: net_of(Branch("cat", Sequential((Sequential(()), Linear(2))))),
}


def net_of(branch, *body):
    return Net(2, 1, Concat((branch,)), Sequential((*body, Linear(1))))


@pytest.mark.parametrize("case", MISPLACED)
def test_layers_stand_where_they_can_work(case):
    with pytest.raises(NetError, match="stands elsewhere"):
        MISPLACED[case]()


@pytest.mark.parametrize(
    "layer",
    [OneHot((1,), (3,)), OneHot((0,), (3, 3)), Embedding((-1,), (3,)), OneHot((), ()), OneHot((0,), (0,))],
    ids=str,
)
def test_layers_read_columns_that_are_there(layer):
    with pytest.raises(NetError, match="column"):
        net_of(Branch("cat", Sequential((layer,))))


def test_a_net_without_a_branch_is_refused():
    with pytest.raises(NetError, match="reads at least one column"):
        Net(2, 1, Concat(()), Sequential((Linear(1),)))
