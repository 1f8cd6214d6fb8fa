"""Maps: rows that are pictures, and layers that refuse sizes which do not fit."""

from __future__ import annotations

import pytest
import torch

from firesteel.errors import NetError
from firesteel.nets import Sequential
from firesteel.nets.conv import Conv2d
from firesteel.nets.dropout import Dropout2d
from firesteel.nets.linear import Linear
from firesteel.nets.map_norms import BatchNorm2d
from firesteel.nets.maps import as_maps, as_rows
from firesteel.nets.pixels import Augment, Pixels
from firesteel.nets.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d
from firesteel.nets.residual import Residual

MAPS = (4, 5, 3)
D = 60
ONE, TWO, NONE = (1, 1), (2, 2), (0, 0)


def test_a_row_is_height_width_channels_and_torch_sees_it_without_a_copy():
    rows = torch.arange(2 * D, dtype=torch.float32).view(2, D)
    maps = as_maps(rows, MAPS)
    assert maps.shape == (2, 3, 4, 5)
    assert maps.data_ptr() == rows.data_ptr()
    assert maps.is_contiguous(memory_format=torch.channels_last)
    assert maps[1, 2, 3, 4] == rows[1, (3 * 5 + 4) * 3 + 2]


def test_maps_go_back_to_the_same_rows_without_a_copy():
    rows = torch.randn(3, 2, D)  # members, batch
    back = as_rows(as_maps(rows, MAPS), rows.shape[:-1])
    assert back.data_ptr() == rows.data_ptr()
    assert torch.equal(back, rows)


def test_maps_in_torch_s_usual_order_become_rows_too():
    maps = torch.randn(2, 3, 4, 5)
    assert torch.equal(as_rows(maps, torch.Size([2]))[1].view(MAPS), maps[1].permute(1, 2, 0))


REFUSED = {
    "a window larger than its maps": (Conv2d(MAPS, (5, 3), ONE, NONE, 2), "must fit into its maps; 4 x 5 x 3"),
    "a window larger than padded maps": (MaxPool2d(MAPS, (1, 8), ONE, (0, 1)), "must fit into its maps"),
    "a window of nothing": (Conv2d(MAPS, (0, 3), ONE, NONE, 2), "rows and columns of 1 or more"),
    "a stride of nothing": (AvgPool2d(MAPS, TWO, (0, 1), NONE), "rows and columns of 1 or more"),
    "negative padding": (Conv2d(MAPS, ONE, ONE, (-1, 0), 2), "rows and columns of 1 or more"),
    "a window with one side": (Conv2d(MAPS, (3,), ONE, NONE, 2), "rows and columns of 1 or more"),
    "no output channel": (Conv2d(MAPS, ONE, ONE, NONE, 0), "needs output channels; 0"),
    "more padding than half a pool": (MaxPool2d(MAPS, TWO, TWO, (2, 0)), "at most half of the window"),
    "maps without channels": (BatchNorm2d((4, 5)), "a height, a width and channels"),
    "maps without height": (Flatten((0, 5, 3)), "a height, a width and channels"),
    "rows of another width": (GlobalAvgPool2d((4, 4, 3)), "reads maps of 4 x 4 x 3; rows of 60 numbers"),
    "channels that no memory holds": (Conv2d(MAPS, ONE, ONE, NONE, 2**30), "must fit into memory"),
    "padding that no memory holds": (Conv2d(MAPS, ONE, ONE, (2**30, 2**30), 1), "must fit into memory"),
    "a norm without eps": (BatchNorm2d(MAPS, eps=0.0), "eps keeps a division from 0"),
    "dropout of everything": (Dropout2d(MAPS, 1.0), "from 0 to below 1"),
    "a negative shift": (Augment(MAPS, shift=-0.1), "shares from 0 to 1"),
    "more than half a turn": (Augment(MAPS, rotate=181.0), "degrees up to 180"),
    "more pictures than there are": (Augment(MAPS, flip=1.5), "shares from 0 to 1"),
    "pixels of other pictures": (Pixels((28, 28, 1)), "Pixels reads maps of 28 x 28 x 1; rows of 60 numbers"),
    "a sum of unequal maps": (
        Residual(Sequential((Conv2d(MAPS, ONE, ONE, NONE, 4),))),
        "equally wide; the layers answer 80 numbers, the shortcut 60",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_sizes_that_do_not_fit_are_refused(case):
    layer, said = REFUSED[case]
    with pytest.raises(NetError) as caught:
        layer.d_out(D)
    assert said in str(caught.value)
    assert "Try: " in str(caught.value)


def test_a_layer_of_maps_says_what_it_answers():
    assert Conv2d(MAPS, (3, 3), TWO, ONE, 7).shape_out == (2, 3, 7)
    assert MaxPool2d(MAPS, TWO, TWO, NONE).shape_out == (2, 2, 3)
    assert Sequential((Conv2d(MAPS, (3, 3), TWO, ONE, 7), Flatten((2, 3, 7)), Linear(2))).d_out(D) == 2


def test_start_weights_of_large_windows_are_counted_exactly():
    layer = Conv2d(MAPS, (2**30, 2**30), ONE, (2**29, 2**29), 1)  # nobody's machine holds its weights
    assert layer.params(D)[0].shape == (1, 2**30, 2**30, 3)
