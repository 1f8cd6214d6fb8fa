"""A user's own module: tried before it is trained, then carried in the same flat buffers with autograd's gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from firesteel.errors import NetError
from firesteel.nets import Columns, ModulePopulation, fit_state, input_net, make_module, picture_input_net

CPU = torch.device("cpu")


class Own(nn.Module):
    """Tied and frozen weights, a norm with buffers, a weight without use, one answer per row."""

    def __init__(self, d_in):
        super().__init__()
        self.first = nn.Linear(d_in, 6)
        self.norm = nn.BatchNorm1d(6)
        self.again = nn.Linear(6, 6)
        self.tied = nn.Linear(6, 6)
        self.tied.weight = self.again.weight
        self.frozen = nn.Linear(6, 6).requires_grad_(False)
        self.unused = nn.Parameter(torch.ones(2))
        self.last = nn.Linear(6, 1)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x)))
        x = torch.tanh(self.tied(torch.tanh(self.again(x)))) + self.frozen(x)
        return self.last(x).squeeze()


def population_of(module, raw, columns, dtype=torch.float64):
    net = input_net(columns)
    fitted = fit_state(net, x_num=raw[0], x_cat=raw[1])
    return ModulePopulation(net, module, fitted=fitted, dtype=dtype, device=CPU)


@pytest.fixture
def own(columns):
    torch.manual_seed(0)
    return Own(input_net(columns).d_dense)


def test_gradients_are_those_of_plain_autograd(own, raw, columns):
    twin = copy.deepcopy(own).double().train()
    population = population_of(own, raw, columns)
    (x,) = population.prepare(*raw)
    population.context.is_training = True
    program = population.program(len(x))
    for _ in range(2):  # the second pass must not add to the first
        dz = torch.randn(len(x), 1, dtype=torch.float64)
        program.forward((x,))
        program.backward(dz)
        twin.zero_grad()
        twin(x).backward(dz[:, 0])
    found = population.layout.blocks(population.grads)
    for name, parameter in twin.named_parameters():
        if parameter.requires_grad:
            expected = torch.zeros(2) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(found[f"module.{name}"][0], expected.double(), rtol=1e-9, atol=1e-12)


def test_the_modules_own_weights_are_the_flat_buffer(own, raw, columns):
    population = population_of(own, raw, columns)
    population.weights.fill_(0.5)
    assert all((p == 0.5).all() for p in own.parameters() if p.requires_grad)
    population.state.fill_(2.0)
    assert (own.norm.running_mean == 2).all()
    assert (own.frozen.weight == 2).all()


def test_tied_weights_stay_tied_and_are_counted_once(own, raw, columns):
    population = population_of(own, raw, columns)
    assert own.tied.weight is own.again.weight
    assert population.n_params == sum(p.numel() for p in own.parameters() if p.requires_grad)


def test_the_module_answers_for_raw_columns(own, raw, columns):
    population = population_of(own, raw, columns)
    answers = population.answers(population.prepare(*raw))
    whole = population.module(0).eval()
    for n in (1, 2, len(raw[0])):  # squeeze() leaves a single row without any dimension
        with torch.no_grad():
            torch.testing.assert_close(whole(raw[0][:n], raw[1][:n]), answers[0, :n])
    assert answers.shape == (1, len(raw[0]), 1)


def test_a_last_batch_of_one_row_passes_batch_norm(own, raw, columns):
    population = population_of(own, raw, columns)
    (x,) = population.prepare(*raw)
    population.context.is_training = True
    before = population.state.clone()
    z = population.program(1).forward((x[:1],))
    population.program(1).backward(torch.ones_like(z))
    assert torch.isfinite(population.grads).all()
    assert torch.equal(population.state, before)  # a single row says nothing of mean and spread
    population.program(5).forward((x[:5],))
    assert not torch.equal(population.state, before)


def test_the_same_tensors_fill_another_module(own, raw, columns):
    population = population_of(own, raw, columns)
    population.state.mul_(1.5)
    tensors = {name: tensor.clone() for name, tensor in population.tensors().items()}
    other = ModulePopulation(population.net, Own(population.net.d_dense), fitted={}, dtype=torch.float64, device=CPU)
    other.load(tensors)
    inputs = population.prepare(*raw)
    assert torch.equal(other.answers(other.prepare(*raw)), population.answers(inputs))


def test_a_trial_changes_nothing(columns):
    torch.manual_seed(0)
    module = Own(4).train()
    before = copy.deepcopy(module.state_dict())
    state = torch.get_rng_state()
    assert (
        make_module(module, net=input_net(Columns(4, (), ())), d_out=1) is not module
    )  # a copy: no later fit changes this one
    assert module.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_function_of_both_widths_makes_the_module():
    module = make_module(nn.Linear, net=input_net(Columns(4, (), ())), d_out=3)
    assert (module.in_features, module.out_features) == (4, 3)


def test_a_lazy_module_takes_the_width_that_it_sees():
    module = make_module(nn.Sequential(nn.LazyLinear(3)), net=input_net(Columns(7, (), ())), d_out=3)
    assert module[0].in_features == 7


class Transposed(nn.Linear):
    def forward(self, x):
        return super().forward(x).T


class Detached(nn.Linear):
    def forward(self, x):
        return super().forward(x).detach()


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


class Misspelt(nn.Linear):
    def forward(self, x):
        return self.wieght @ x


MISFITS = {
    "another width": (lambda: nn.Linear(5, 2), "it fails on 2 rows"),
    "another answer": (lambda: nn.Linear(4, 3), r"2 rows give \(2, 3\)"),
    "rows and columns swapped": (lambda: Transposed(4, 2), r"3 rows give \(2, 3\)"),
    "no graph": (lambda: Detached(4, 2), "no gradient leads"),
    "a pair": (lambda: Pair(4, 2), "2 rows give tuple"),
    "a misspelt name": (lambda: Misspelt(4, 2), "wieght"),
    "no forward": (lambda: nn.ModuleList([nn.Linear(4, 2)]), "it fails on 2 rows"),
    "nothing to learn": (nn.ReLU, "no parameter asks for a gradient"),
    "all frozen": (lambda: nn.Linear(4, 2).requires_grad_(False), "no parameter asks for a gradient"),
    "not a module": (lambda: lambda *widths: str(widths), "it gave a str"),
    "a function of nothing": (lambda: lambda: nn.Linear(4, 2), r"calling it with \(4, 2\) fails"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_a_misfit_is_a_net_error_that_says_what_it_did(case):
    make, found = MISFITS[case]
    with pytest.raises(NetError, match=found):
        make_module(make(), net=input_net(Columns(4, (), ())), d_out=2)


def test_one_answer_per_row_is_no_answer_for_two_classes():
    with pytest.raises(NetError, match=r"2 rows give \(2,\)"):
        make_module(nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)), net=input_net(Columns(4, (), ())), d_out=2)


def test_input_columns_become_the_modules_dense_input(raw, columns):
    net = input_net(columns)
    population = population_of(nn.Linear(net.d_dense, 1), raw, columns)
    (x,) = population.prepare(*raw)
    assert x.shape == (len(raw[0]), net.d_dense)
    assert torch.isfinite(x).all()
    assert input_net(Columns(0, (), (3,))).d_dense == 2


def seen_by(shape, *, n_rows):
    """What a user's module is given of pictures, outside training."""
    seen = []

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(shape[0] * shape[1] * shape[2], 2)

        def forward(self, x):
            seen.append(x.detach().clone())
            return self.last(x.flatten(1))

    net = picture_input_net(shape)
    x = torch.randint(0, 256, (n_rows, net.d_num), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    no_cat = torch.empty(n_rows, 0, dtype=torch.int64)
    module = make_module(Watching(), net=net, d_out=2)
    population = ModulePopulation(
        net, module, fitted=fit_state(net, x_num=x, x_cat=no_cat), dtype=torch.float64, device=CPU
    )
    answers = population.answers(population.prepare(x, no_cat))
    with torch.no_grad():
        torch.testing.assert_close(population.module(0).eval()(x, no_cat), answers[0])
    return x, seen


@pytest.mark.parametrize("shape", [(5, 4, 3), (6, 6, 1)], ids=str)
def test_pictures_come_to_a_module_as_channels_height_width(shape):
    x, seen = seen_by(shape, n_rows=7)
    height, width, channels = shape
    assert {tuple(one.shape[1:]) for one in seen} == {(channels, height, width)}  # the trial, too
    levels = x.view(7, height, width, channels).permute(0, 3, 1, 2).double()
    mean, spread = levels.mean((0, 2, 3), keepdim=True), levels.std((0, 2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(seen[-1], (levels - mean) / spread)


def test_a_module_for_other_pictures_is_refused_with_the_sizes():
    with pytest.raises(NetError, match=r"\(batch, 36\) into \(batch, 2\)"):
        make_module(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), net=picture_input_net((6, 6, 1)), d_out=2)
