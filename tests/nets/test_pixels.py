"""Pixels makes numbers of grey levels; Augment shows pictures in other ways, in training only."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.nets.layer import Context, Slot
from firesteel.nets.pixels import Augment, Pixels

FORMS = [(6, 6, 1), (5, 8, 3), (8, 4, 1)]
each_form = pytest.mark.parametrize("form", FORMS, ids=str)


def pictures(form, n=40, seed=0):
    """Random ones, `(n, h, w, c)`."""
    return torch.randn(n, *form, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def shown(layer, x, *, seed=0, is_training=True):
    """The pictures as the layer shows them."""
    context = Context(is_training=is_training, generators=(np.random.PCG64(seed),))
    rows = x.reshape(len(x), -1)
    slot = Slot(1, len(x), rows.shape[1], False, {}, {}, {}, context, x.dtype, torch.device("cpu"))
    return layer.bind(slot).forward(rows.clone()).view(x.shape)


class Draws:
    """A generator that draws what it is told: 0.5 changes nothing."""

    def __init__(self, **draws):
        self.draws = {"turn": 0.5, "zoom": 0.5, "across": 0.5, "down": 0.5, "mirror": 0.5} | draws

    def random(self, shape):
        return np.tile(np.array(list(self.draws.values()))[:, None], (1, shape[1]))


def shown_as(monkeypatch, layer, x, **draws):
    """The pictures as the layer shows them when it draws this."""
    slot = Slot(1, 1, 1, False, {}, {}, {}, Context(), x.dtype, torch.device("cpu"))
    kind = type(layer.bind(slot))
    draw = kind._draw_places
    monkeypatch.setattr(kind, "_draw_places", lambda step, _, n: draw(step, Draws(**draws), n))
    return shown(layer, x)


@each_form
def test_settings_of_nothing_change_nothing(form):
    x = pictures(form)
    assert torch.equal(shown(Augment(form), x), x)


@each_form
def test_outside_training_pictures_pass_through(form):
    x = pictures(form)
    layer = Augment(form, shift=0.3, rotate=40.0, scale=0.3, erase=1.0, flip=1.0)
    assert torch.equal(shown(layer, x, is_training=False), x)
    assert not torch.equal(shown(layer, x), x)


@each_form
def test_the_same_seed_draws_the_same(form):
    x, layer = pictures(form), Augment(form, shift=0.2, rotate=20.0, erase=0.5)
    assert torch.equal(shown(layer, x, seed=4), shown(layer, x, seed=4))
    assert not torch.equal(shown(layer, x, seed=4), shown(layer, x, seed=5))


@each_form
def test_flip_mirrors_left_and_right(form):
    x = pictures(form)
    torch.testing.assert_close(shown(Augment(form, flip=1.0), x), x.flip(2))


def test_flip_is_the_share_that_is_mirrored():
    x = pictures((4, 6, 1), n=2000)
    is_mirrored = (shown(Augment((4, 6, 1), flip=0.3), x) - x.flip(2)).abs().amax((1, 2, 3)) < 1e-9
    assert is_mirrored.double().mean().item() == pytest.approx(0.3, abs=0.05)


@each_form
def test_a_shift_by_whole_pixels_moves_them_and_repeats_the_edge(form, monkeypatch):
    x, (height, width, _) = pictures(form), form
    across, down = 0.5 + 2 / width, 0.5 - 1 / height  # of a shift by up to a half: from 2 to the right, 1 above
    y = shown_as(monkeypatch, Augment(form, shift=0.5), x, across=across, down=down)
    torch.testing.assert_close(y[:, 1:, :-2], x[:, :-1, 2:])
    torch.testing.assert_close(y[:, 1:, -2:], x[:, :-1, -1:].expand(-1, -1, 2, -1))
    torch.testing.assert_close(y[:, 0], y[:, 1])


@each_form
def test_a_shift_goes_as_far_as_its_share_and_no_farther(form):
    height, width, channels = form
    ramp = torch.arange(width, dtype=torch.float64).view(1, 1, width, 1).expand(500, height, width, channels)
    moved = (shown(Augment(form, shift=0.25), ramp) - ramp)[:, :, width // 2].abs()
    assert 0.2 * width < moved.max() <= 0.25 * width


def test_a_quarter_turn_turns_the_picture(monkeypatch):
    x = pictures((6, 6, 3))
    y = shown_as(monkeypatch, Augment((6, 6, 3), rotate=90.0), x, turn=1.0)
    torch.testing.assert_close(y, torch.rot90(x, 1, (1, 2)))


@pytest.mark.parametrize("form", [(12, 12, 1), (10, 30, 1), (30, 10, 3)], ids=str)
def test_turning_keeps_lengths_where_height_and_width_differ(form):
    """A round spot stays round: its moments down and across stay alike."""
    height, width, channels = form
    down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    down, across = down - height / 2, across - width / 2
    spot = torch.exp(-(down.square() + across.square()) / 4).double()
    y = shown(Augment(form, rotate=45.0), spot.view(1, height, width, 1).expand(20, -1, -1, channels))
    torch.testing.assert_close(y, spot.view(1, height, width, 1).expand_as(y), rtol=0, atol=0.08)


def test_scale_makes_things_larger_and_smaller():
    form = (24, 24, 1)
    x = torch.zeros(300, *form, dtype=torch.float64)
    x[:, 8:16, 8:16] = 1
    areas = shown(Augment(form, scale=0.25), x).sum((1, 2, 3)).sqrt()
    assert 6.2 < areas.min() < 7  # 8 / 1.25 at least, but for what lies between pixels
    assert 9.6 < areas.max() < 10.9


@each_form
def test_erase_leaves_one_rectangle_of_the_mean_grey(form):
    x = pictures(form, n=200) + 10
    is_gone = shown(Augment(form, erase=1.0), x) == 0
    assert (is_gone == is_gone[..., :1]).all()  # in all channels alike
    hole = is_gone[..., 0]
    outer = hole.any(2).unsqueeze(2) & hole.any(1).unsqueeze(1)  # all its rows and columns
    assert torch.equal(hole, outer)
    shares = hole.double().mean((1, 2))
    assert shares.max() <= 0.5
    assert (shares > 0).double().mean() > 0.5  # some lie between the middles of small pictures' pixels


def test_erase_is_the_share_that_is_holed():
    x = torch.ones(2000, 20, 20, 1, dtype=torch.float64)
    is_holed = (shown(Augment((20, 20, 1), erase=0.25), x) == 0).any(3).any(2).any(1)
    assert is_holed.double().mean().item() == pytest.approx(0.25, abs=0.04)


def test_what_is_not_erased_stays():
    x = pictures((8, 8, 3)) + 10
    y = shown(Augment((8, 8, 3), erase=1.0), x)
    assert torch.equal(y[y != 0], x[y != 0])


def test_pixels_of_one_grey_level_become_0():
    x = torch.full((5, 12), 200, dtype=torch.uint8)
    layer = Pixels((2, 2, 3))
    values = {name: value.float() for name, value in layer.fit(x).items()}
    slot = Slot(1, 5, 12, False, {}, {}, values, Context(), torch.float32, torch.device("cpu"))
    assert (layer.bind(slot).forward(x) == 0).all()


def test_mean_and_spread_are_those_of_all_training_pixels():
    x = torch.randint(0, 256, (5000, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    values = Pixels((2, 2, 3)).fit(x)  # more rows than are summed at once
    by_channel = x.view(-1, 3).double()
    torch.testing.assert_close(values["mean"][0], by_channel.mean(0))
    torch.testing.assert_close(values["spread"][0], by_channel.std(0, correction=0))


def test_rows_of_members_are_read_as_shared_ones_are():
    x = torch.randint(0, 256, (2, 5, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    layer = Pixels((2, 2, 3))
    values = {name: value.expand(2, -1, -1) for name, value in layer.fit(x.view(-1, 12)).items()}
    step = layer.bind(Slot(2, 5, 12, False, {}, {}, values, Context(), torch.float64, torch.device("cpu")))
    apart = [step.forward(part).clone() for part in x]
    torch.testing.assert_close(step.forward(x), torch.stack(apart))
