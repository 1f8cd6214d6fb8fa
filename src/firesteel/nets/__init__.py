"""Layers, each written once (forward, gradient, torch module, NumPy lines), and the nets made of them."""

from firesteel.nets.activations import ACTIVATIONS
from firesteel.nets.architectures import Columns, build_net, choose_scaling, input_net, set_dropout
from firesteel.nets.containers import Branch, Concat, Net, Sequential
from firesteel.nets.custom import ModulePopulation, ModuleSource, make_module, source_words
from firesteel.nets.flat import Layout
from firesteel.nets.layer import Context, Layer
from firesteel.nets.losses import LOSSES, Loss, smoothed
from firesteel.nets.picture_nets import Views, build_picture_net, picture_input_net
from firesteel.nets.population import Inputs, Population, empty_population, fit_state, start_population

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Branch",
    "Columns",
    "Concat",
    "Context",
    "Inputs",
    "Layer",
    "Layout",
    "Loss",
    "ModulePopulation",
    "ModuleSource",
    "Net",
    "Population",
    "Sequential",
    "Views",
    "build_net",
    "build_picture_net",
    "choose_scaling",
    "empty_population",
    "fit_state",
    "input_net",
    "make_module",
    "picture_input_net",
    "set_dropout",
    "smoothed",
    "source_words",
    "start_population",
]
