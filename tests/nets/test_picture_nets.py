"""Nets over pictures: sizes for every form, and records that can be trusted."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import NetError
from firesteel.nets import Net, Views, build_picture_net, empty_population, fit_state, start_population
from firesteel.nets.conv import Conv2d
from firesteel.nets.pixels import Augment
from firesteel.recipe import make_recipe

CPU = torch.device("cpu")
NETS = ("linear", "mlp", "conv", "resnet")
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (224, 224, 3), (1, 1, 1), (3, 200, 1), (2, 5, 3)]
each_net = pytest.mark.parametrize("name", NETS)


SAME = Views()


def built(name, shape, *, views=SAME, dropout=0.1, d_out=3, **recipe):
    return build_picture_net(make_recipe(**recipe), shape, net=name, d_out=d_out, views=views, dropout=dropout)


def channels_of(shape, name="conv"):
    return {choice.name: choice.value for choice in built(name, shape)[1]}["channels"]


def pixels(shape, n=4):
    d = shape[0] * shape[1] * shape[2]
    return torch.randint(0, 256, (n, d), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def answers(net, x, *, k=1, dtype=torch.float32):
    no_cat = torch.empty(len(x), 0, dtype=torch.int64)
    population = start_population(net, range(k), fitted=fit_state(net, x_num=x, x_cat=no_cat), dtype=dtype, device=CPU)
    population.weights.add_(0.01)  # the last layer starts with zeros
    return population, population.answers(population.prepare(x, no_cat))


@each_net
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[0] < 224], ids=str)
def test_pictures_of_every_form_are_answered(name, shape):
    _, z = answers(built(name, shape)[0], pixels(shape))
    assert z.shape == (1, 4, 3)
    assert torch.isfinite(z).all()


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((8, 8, 1), (16, 32)),
        ((28, 28, 1), (16, 32, 64)),
        ((32, 32, 3), (16, 32, 64, 128)),
        ((64, 64, 3), (16, 32, 64, 128, 128)),
        ((224, 224, 3), (16, 32, 64, 128, 128)),
        ((1, 1, 1), (16,)),
        ((3, 200, 1), (16,)),
    ],
)
def test_stages_follow_the_shorter_side(shape, channels):
    assert channels_of(shape) == channels == channels_of(shape, "resnet")


@pytest.mark.parametrize("name", ["conv", "resnet"])
def test_large_pictures_are_halved_by_the_first_convolution(name):
    firsts = [next(layer for layer in built(name, shape)[0].body.layers) for shape in ((224, 224, 3), (64, 64, 3))]
    assert [first.stride for first in firsts if isinstance(first, Conv2d)] == [(2, 2), (1, 1)]


def test_channels_and_widths_are_taken_as_asked_for():
    assert [
        la.channels for la in built("conv", (8, 8, 1), channels=(3, 5))[0].body.layers if isinstance(la, Conv2d)
    ] == [3, 5]
    net, choices = built("mlp", (8, 8, 1), d_hidden=(7,), dropout=0.0)
    assert net.body.widths(64) == [64, 64, 7, 7, 3]
    assert choices == ()


def test_changed_views_stand_before_the_net_and_unchanged_ones_nowhere():
    net, _ = built("conv", (8, 8, 1), views=Views(shift=0.1))
    assert net.inputs.branches[0].layers.layers[1] == Augment((8, 8, 1), shift=0.1)
    assert len(built("conv", (8, 8, 1))[0].inputs.branches[0].layers.layers) == 1


@each_net
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 6, 3)], ids=str)
def test_the_plain_torch_net_says_the_same(name, shape):
    x = pixels(shape)
    net, _ = built(name, shape, views=Views(flip=0.5))
    population, z = answers(net, x, k=2, dtype=torch.float64)
    for i in range(2):
        with torch.no_grad():
            said = population.module(i).eval()(x, torch.empty(len(x), 0, dtype=torch.int64))
        torch.testing.assert_close(z[i], said)


@each_net
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_net_survives_its_record_as_json(name, shape):
    net, _ = built(name, shape, views=Views(shift=0.1, rotate=10.0, flip=0.5))
    assert Net.from_dict(json.loads(json.dumps(net.to_dict()))) == net


NET = {name: built(name, (8, 6, 3), views=Views(shift=0.1))[0] for name in ("conv", "resnet")}
NUMBERS = st.sampled_from([0, -1, 1, 2, 3, 2**31 - 1, 2**30, 2**40, 10**30, 0.5, float("nan"), True, None, "x"])
VALUES = NUMBERS | st.lists(NUMBERS, max_size=4)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def edited(record, path, value):
    record = copy.deepcopy(record)
    owner = record
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return record


@given(st.data(), st.sampled_from(sorted(NET)))
def test_an_edited_record_is_a_working_net_or_a_net_error(data, name):
    record = NET[name].to_dict()
    path = data.draw(st.sampled_from(places(record)[1:]))
    try:
        net = Net.from_dict(edited(record, path, data.draw(VALUES)))
    except NetError:
        return
    numbers = [torch.Size(param.shape).numel() for param in net.params() + net.state()]
    if sum(numbers) < 1e5 and max(net.body.widths(net.d_dense)) < 1e5:
        population = empty_population(net, k=2, dtype=torch.float32, device=CPU)
        x = torch.zeros(3, net.d_num, dtype=torch.uint8)
        assert population.answers(population.prepare(x, torch.empty(3, 0, dtype=torch.int64))).shape[:2] == (2, 3)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("inputs", 0, "layers", "layers", 0, "shape"), [8, 6, 1]),
        (("inputs", 0, "layers", "layers", 0, "shape"), [2**31, 2**31, 3]),
        (("inputs", 0, "layers", "layers", 1, "rotate"), 1000.0),
        (("body", "layers", 0, "channels"), 2**40),
        (("body", "layers", 0, "channels"), 2**30),
        (("body", "layers", 0, "channels"), 17),
        (("body", "layers", 0, "padding"), [-1, -1]),
        (("body", "layers", 0, "kernel"), [30, 30]),
        (("body", "layers", 0, "stride"), [0, 1]),
        (("body", "layers", 0, "shape"), [8, 6]),
        (("body", "layers", 1, "shape"), [4, 4, 16]),
        (("d_num",), 2**30),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_anything_is_made(path, value):
    with pytest.raises(NetError):
        Net.from_dict(edited(NET["conv"].to_dict(), path, value))
