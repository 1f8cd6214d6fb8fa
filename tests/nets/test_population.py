"""Populations: members start as a script would draw them, and answer as their torch modules do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.nets import Layout, Population, empty_population, fit_state, start_population
from firesteel.nets.population import N_CHUNK_ROWS

CPU = torch.device("cpu")


def stirred(net, raw, k, dtype=torch.float64):
    """A population whose weights and running averages are all random."""
    fitted = fit_state(net, x_num=raw[0], x_cat=raw[1])
    population = start_population(net, range(k), fitted=fitted, dtype=dtype, device=CPU)
    generator = torch.Generator().manual_seed(k)
    population.weights.copy_(torch.randn(population.weights.shape, generator=generator) / 2)
    for name, block in population.state_layout.blocks(population.state).items():
        if "running" in name:
            block.copy_(torch.rand(block.shape, generator=generator) + 0.5)
    return population


def inputs_of(population: Population, raw):
    return population.prepare(raw[0].to(population.weights.dtype), raw[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("k", [1, 3])
def test_a_member_answers_as_its_module(net, raw, k, dtype):
    population = stirred(net, raw, k, dtype)
    found = population.answers(inputs_of(population, raw))
    for i in range(k):
        module = population.module(i).eval()
        with torch.no_grad():
            expected = module(raw[0].to(dtype), raw[1])
        torch.testing.assert_close(found[i], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_gradients_through_all_branches_are_those_of_autograd(net, raw, k):
    population = stirred(net, raw, k)
    population.set_dropout((0.0,) * k)
    population.context.is_training = True
    program = population.program(len(raw[0]))
    z = program.forward(inputs_of(population, raw))
    dz = torch.randn(*z.shape, dtype=torch.float64)
    modules = [population.module(i).train() for i in range(k)]
    population.grads.fill_(torch.nan)  # a gradient that is not written stays visible
    program.backward(dz.clone())
    for i, module in enumerate(modules):
        module.body[3].p = module.body[7].p = 0.0  # its dropout layers
        module(*raw).backward(dz[i] if k > 1 else dz)
        found = {name: block[i] for name, block in population.layout.blocks(population.grads).items()}
        assert_same_gradients(found, module)


def assert_same_gradients(found, module):
    """Both in the order of the net's params; a torch Linear keeps its weight the other way round."""
    for (path, mine), theirs in zip(found.items(), (p.grad for p in module.parameters()), strict=True):
        is_linear = path.startswith("body") and path.endswith("weight") and theirs.dim() == 2
        expected = theirs.T if is_linear else theirs
        torch.testing.assert_close(
            mine.reshape(expected.shape), expected, rtol=1e-6, atol=1e-9, msg=f"the gradient of {path}"
        )


def test_start_weights_are_what_a_plain_script_draws(net, raw):
    fitted = fit_state(net, x_num=raw[0], x_cat=raw[1])
    population = start_population(net, [4, 11], fitted=fitted, dtype=torch.float64, device=CPU)
    rng = np.random.Generator(np.random.PCG64(11))
    frequency = rng.standard_normal((3, 1, 16)) * 0.1
    phase = rng.uniform(-0.5, 0.5, (3, 1, 16))
    mixture = rng.uniform(-1, 1, (3, 16, 3)) / 4
    vectors = rng.standard_normal((30, 8)) / np.sqrt(8)
    d_dense = net.d_dense
    first = rng.standard_normal((d_dense, 8)) * np.sqrt(2 / d_dense)
    second = rng.standard_normal((8, 6)) * np.sqrt(2 / 8)
    vectors[0] = 0
    found = {path: block[1].numpy() for path, block in population.tensors().items()}
    drawn = [frequency, phase, mixture, vectors, first, second]
    paths = ["inputs.2.2.frequency", "inputs.2.2.phase", "inputs.2.2.mixture", "inputs.3.0.weight"]
    for path, expected in zip([*paths, "body.0.weight", "body.4.weight"], drawn, strict=True):
        np.testing.assert_array_equal(found[path], expected, err_msg=path)
    assert not found["body.8.weight"].any()  # the last layer starts without an opinion


def test_the_fixed_layers_are_fitted_as_numpy_says(net, raw):
    fitted = fit_state(net, x_num=raw[0], x_cat=raw[1])
    x = raw[0].numpy()
    # torch's median of an even number of values is the lower one of the two in the middle
    fill = np.array([np.sort(column[~np.isnan(column)])[(np.sum(~np.isnan(column)) - 1) // 2] for column in x.T])
    filled = np.where(np.isnan(x), fill, x)
    low, centre, high = np.quantile(filled, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(fitted["inputs.2.0.fill"][0], fill)
    np.testing.assert_allclose(fitted["inputs.2.1.centre"][0], centre)
    np.testing.assert_allclose(fitted["inputs.2.1.scale"][0], high - low)


def test_many_rows_are_answered_as_few(net, raw):
    population = stirred(net, raw, 2)
    inputs = inputs_of(population, raw)
    n_times = N_CHUNK_ROWS // len(raw[0]) + 2
    many = population.answers(tuple(x.repeat(n_times, 1) for x in inputs))
    torch.testing.assert_close(many, population.answers(inputs).repeat(1, n_times, 1))


def test_members_can_be_asked_about_rows_of_their_own(net, raw):
    population = stirred(net, raw, 3)
    inputs = inputs_of(population, raw)
    shared = population.answers(inputs)
    orders = torch.stack([torch.randperm(len(raw[0]), generator=torch.Generator().manual_seed(i)) for i in range(3)])
    own = population.answers(tuple(x[orders] for x in inputs))
    for i, order in enumerate(orders):
        torch.testing.assert_close(own[i], shared[i][order])


def test_picked_members_answer_as_before(net, raw):
    population = stirred(net, raw, 3)
    picked = population.pick([2, 0])
    inputs = inputs_of(population, raw)
    torch.testing.assert_close(picked.answers(inputs), population.answers(inputs)[[2, 0]])
    assert picked.k == 2


def test_a_population_is_filled_from_its_tensors(net, raw):
    population = stirred(net, raw, 2)
    tensors = {name: tensor.clone() for name, tensor in population.tensors().items()}
    other = empty_population(net, k=2, dtype=torch.float64, device=CPU)
    other.load(tensors)
    assert torch.equal(other.weights, population.weights)
    assert torch.equal(other.state, population.state)
    assert torch.equal(other.answers(inputs_of(other, raw)), population.answers(inputs_of(population, raw)))


def test_a_module_has_weights_of_its_own(net, raw):
    population = stirred(net, raw, 2)
    before = population.weights.clone()
    with torch.no_grad():
        for parameter in population.module(1).parameters():
            parameter.zero_()
    assert torch.equal(population.weights, before)


def test_a_new_dropout_rate_reaches_programs_that_stood_already(net, raw):
    population = stirred(net, raw, 1)
    inputs = inputs_of(population, raw)
    population.answers(inputs)  # binds a program to the layers' own rate
    population.set_dropout((0.0,))
    population.context.is_training = True
    module = population.module(0).train()
    module.body[3].p = module.body[7].p = 0.0
    torch.testing.assert_close(population.program(len(raw[0])).forward(inputs), module(*raw).detach())


def test_the_parts_of_a_net_add_up(net, raw):
    population = stirred(net, raw, 3)
    assert population.n_params == sum(p.numel() for p in population.module(0).parameters())
    assert population.weights.numel() == 3 * population.n_params == Layout(net.params(), 3).n_numbers
