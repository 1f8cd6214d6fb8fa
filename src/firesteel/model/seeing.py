"""What a net does with pictures: which pixels move its answer, what its first layer looks for and finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from firesteel.evaluation import Answer, Sights, find_sights
from firesteel.features import Batch
from firesteel.nets import Population

Bytes = np.ndarray

#: First layers with more filters than this show the first of them.
N_FILTERS_MAX = 64


def see(
    population: Population, batch: Batch, y: np.ndarray, *, answer: Answer, pixels: Bytes, names: list[str]
) -> Sights:
    """The sights of a class task on test pictures; `pixels` (n, h, w, c) as they were read."""
    net = population.module(0).eval().cpu()
    shape = pixels.shape[1:]
    filters = _filters(net, (shape[2], *shape[:2]))
    return find_sights(
        pixels,
        y,
        proba=answer,
        names=names,
        saliency=_saliency(population, batch, shape),
        filters=filters,
        maps=_maps(net, batch),
    )


def _rows(batch: Batch, rows: np.ndarray, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(batch.x_num[rows])).to(dtype)


def _saliency(population: Population, batch: Batch, shape: tuple[int, ...]) -> Callable[[np.ndarray], Bytes]:
    """How much the logit of the answer moves with each pixel, averaged over the members: `(n, h, w)` of 0 to 255.

    Source: Simonyan et al. 2013, arXiv 1312.6034.
    """

    def saliency(rows: np.ndarray) -> Bytes:
        total = np.zeros((len(rows), *shape[:2]))
        for i in range(population.k):
            net = population.module(i).eval().requires_grad_(False).cpu()
            x = _rows(batch, rows, population.weights.dtype).requires_grad_()
            logits = net(x, torch.empty(len(rows), 0, dtype=torch.int64))
            picked = logits.abs().sum() if logits.shape[1] == 1 else logits.max(dim=1).values.sum()
            (slope,) = torch.autograd.grad(picked, x)
            total += slope.abs().view(len(rows), *shape).amax(-1).double().numpy()
        largest = total.reshape(len(rows), -1).max(axis=1).clip(min=np.finfo(np.float64).tiny)
        return np.asarray((255 * total / largest[:, None, None]).round().astype(np.uint8))

    return saliency


def _filters(net: nn.Module, shape: tuple[int, int, int]) -> Bytes | None:
    """The weights of the first layer as pictures `(n, h, w, c)`: 128 is 0; `shape` is (channels, height, width)."""
    first = next((part for part in net.modules() if isinstance(part, nn.Conv2d | nn.Linear)), None)
    if first is None or shape[0] not in (1, 3):
        return None
    weight = first.weight.detach().cpu()[:N_FILTERS_MAX]
    if weight.shape[1] != (np.prod(shape) if isinstance(first, nn.Linear) else shape[0]):
        return None  # it reads something else than the picture
    tiles = weight.view(len(weight), *shape) if isinstance(first, nn.Linear) else weight
    largest = tiles.abs().amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(tiles.dtype).tiny)
    levels = (128 + 127 * tiles / largest).round().to(torch.uint8)
    return np.asarray(levels.permute(0, 2, 3, 1).numpy())


def _maps(net: nn.Module, batch: Batch) -> Callable[[int], Bytes] | None:
    """What the first convolution finds in one picture: its maps `(m, h, w)`, each scaled to 0 to 255.

    None for a net that calls no convolution.
    """
    first = next((part for part in net.modules() if isinstance(part, nn.Conv2d)), None)
    if first is None:
        return None

    def found_in(row: int) -> list[Tensor]:
        found: list[Tensor] = []
        hook = first.register_forward_hook(lambda _module, _inputs, answer: found.append(answer.detach()))
        with torch.no_grad():
            net(_rows(batch, np.array([row]), first.weight.dtype), torch.empty(1, 0, dtype=torch.int64))
        hook.remove()
        return found

    def maps(row: int) -> Bytes:
        values = found_in(row)[0][0]
        low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
        levels = 255 * (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
        return np.asarray(levels.round().to(torch.uint8).numpy())

    return maps if found_in(0) else None
