"""Equations in NumPy that several baselines' tests need, and an untrained model of each."""

import numpy as np

from baselines.common.preset import load_preset
from baselines.common.training import new_model
from rrgbench.training.trainers import load_trainer

REPORTS = ["the heart is normal . no effusion .", "small left effusion . the heart is enlarged ."]


def untrained(name):
    """A small untrained model of a system."""
    model_class = load_trainer(name).args[1]
    settings = load_preset("mini").model_copy(update={"image_size": 32, "min_word_count": 1})
    return new_model(model_class, settings, {}, REPORTS, seed=0).eval()


def arrays(module):
    """A module's parameters by name."""
    return {name: value.detach().numpy() for name, value in module.named_parameters()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def lstm_step(x, h, c, weights, suffix=""):
    """One step of an LSTM (n,) with torch's parameters."""
    w, u, b, d = (weights[f"{name}{suffix}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    i, f, g, o = np.split(w @ x + b + u @ h + d, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c
