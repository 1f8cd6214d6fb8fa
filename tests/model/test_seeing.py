"""Sights: the pixels that move an answer, and what the first layer looks for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import firesteel


@pytest.fixture(scope="module")
def one_pixel():
    """Pictures `(n, 6, 6)` of noise whose class is told by the pixel in row 2, column 4 alone."""
    rng = np.random.default_rng(0)
    x = rng.integers(60, 130, (200, 6, 6), dtype=np.uint8)
    y = np.arange(200) % 2
    x[:, 2, 4] = np.where(y, 250, 5)
    return x, np.array(["off", "on"])[y]


@pytest.fixture(scope="module")
def linear(one_pixel):
    return firesteel.fit(*one_pixel, net="linear", epochs=20, members=1, baselines=False)


def hottest(heat):
    return np.unravel_index(heat.argmax(), heat.shape)


def test_saliency_points_at_the_only_pixel_that_matters(linear) -> None:
    salient = linear.report.sights.salient
    assert len(salient) >= 2
    assert all(hottest(seen.saliency) == (2, 4) for seen in salient)
    assert all(seen.saliency.max() == 255 for seen in salient)


@pytest.mark.parametrize("net", ["mlp", "conv", "resnet"])
def test_saliency_of_deeper_nets_points_there_too(one_pixel, net) -> None:
    model = firesteel.fit(*one_pixel, net=net, epochs=20, members=1, baselines=False)
    places = [hottest(seen.saliency) for seen in model.report.sights.right]
    near = [abs(row - 2) <= 1 and abs(column - 4) <= 1 for row, column in places]
    assert np.mean(near) > 0.6


def test_filters_of_a_linear_net_are_its_weights_as_pictures(linear) -> None:
    filters = linear.report.sights.filters
    weight = linear.net.members[0].body[1].weight.detach().view(6, 6)
    assert filters.shape == (1, 6, 6, 1)
    expected = (128 + 127 * weight / weight.abs().max()).round()
    np.testing.assert_array_equal(filters[0, ..., 0], expected)
    assert filters[0, 2, 4, 0] == 255  # the brighter, the more "on"


@pytest.mark.parametrize(("channels", "form"), [(1, (8, 8, 1)), (3, (8, 10, 3))], ids=["grey", "RGB"])
def test_filters_of_a_convolution_are_its_windows(make_pictures, quick, channels, form) -> None:
    model = firesteel.fit(*make_pictures(form=form), **quick)
    sights = model.report.sights
    assert sights.filters.shape == (16, 3, 3, channels)
    conv = next(part for part in model.net.modules() if isinstance(part, torch.nn.Conv2d))
    signs = np.sign(conv.weight.detach().permute(0, 2, 3, 1).numpy())
    far = np.abs(sights.filters.astype(int) - 128) > 1
    np.testing.assert_array_equal(np.sign(sights.filters.astype(int) - 128)[far], signs[far])


def test_maps_are_what_the_first_convolution_finds(make_pictures, quick) -> None:
    model = firesteel.fit(*make_pictures(), **quick)
    sights = model.report.sights
    x = model.encode(sights.maps_of.pixels[None]).x_num
    member = model.net.members[0].eval()
    with torch.no_grad():
        conv = next(part for part in member.modules() if isinstance(part, torch.nn.Conv2d))
        found = conv(member.inputs[0](torch.from_numpy(x)))[0].numpy()
    low, high = found.min((1, 2), keepdims=True), found.max((1, 2), keepdims=True)
    np.testing.assert_allclose(sights.maps, 255 * (found - low) / (high - low), atol=0.51)


def test_nets_without_convolutions_have_no_maps(linear) -> None:
    assert linear.report.sights.maps is None


def test_filters_of_a_hidden_layer_are_pictures_of_its_units(one_pixel, quick) -> None:
    model = firesteel.fit(*one_pixel, net="mlp", d_hidden=(5,), **quick)
    assert model.report.sights.filters.shape == (5, 6, 6, 1)


def test_colours_of_a_linear_net_stand_where_they_belong(make_pictures, quick) -> None:
    x, y = make_pictures(120, form=(8, 8, 3))
    x[..., 1:] = x[..., 1:].mean().astype(np.uint8)  # only red tells
    model = firesteel.fit(x, y, net="linear", **quick | {"epochs": 15})
    strength = np.abs(model.report.sights.filters[0].astype(int) - 128).mean((0, 1))
    assert strength[0] > 3 * strength[1:].max()


def test_sights_come_back_with_the_run(picture_run) -> None:
    sights = firesteel.load(picture_run).report.sights
    assert sights.filters.shape == (16, 3, 3, 1)
    assert {seen.name for seen in sights.right} <= {f"#{i}" for i in range(120)}


class Unused(torch.nn.Module):
    """A convolution that is there and never called."""

    def __init__(self, d_in, d_out):
        super().__init__()
        self.spare, self.last = torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(d_in, d_out)

    def forward(self, x):
        return self.last(x.flatten(1))


def test_a_convolution_that_is_never_called_finds_nothing(make_pictures, quick) -> None:
    sights = firesteel.fit(*make_pictures(), net=Unused, **quick).report.sights
    assert sights.maps is None
    assert sights.filters.shape == (2, 3, 3, 1)
