"""Equations in NumPy that several baselines' tests need, and an untrained model of each."""

import importlib
from importlib.metadata import entry_points

import numpy as np
import torch

from baselines.common.settings import load_preset
from baselines.common.training import new_model
from rrgbench.modeling.captioner import Captioner

REPORTS = ["the heart is normal . no effusion .", "small left effusion . the heart is enlarged ."]


def model_class_of(name):
    """The one captioner that a trainable system's module defines."""
    (point,) = entry_points(group="rrgbench.trainers", name=name)
    made = vars(importlib.import_module(point.module)).values()
    (found,) = {
        one for one in made if isinstance(one, type) and issubclass(one, Captioner) and one.__module__ == point.module
    }
    return found


def untrained(name, **own):
    """A small untrained model of a system, with options of its configuration."""
    settings = load_preset("mini").model_copy(update={"image_size": 32, "min_word_count": 1})
    return new_model(model_class_of(name), settings, own, REPORTS, seed=0).eval()


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


def softmax(x):
    """Over the last axis."""
    exponents = np.exp(x - x.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def shown(name, films):
    """What a system sees of films (n, size, size): some see more than the films."""
    if name == "xpronet":
        from baselines.xpronet import Labelled

        return Labelled(films, torch.eye(14)[torch.arange(len(films)) % 3])
    generator = torch.Generator().manual_seed(3)
    if name == "ppked":
        from baselines.ppked import Informed

        return Informed(films, torch.randint(4, 10, (len(films), 3, 6), generator=generator))
    if name == "deltanet":
        from baselines.deltanet import Conditioned

        others = torch.randint(0, 255, (len(films), 1, *films.shape[1:]), generator=generator).float()
        return Conditioned(films, others, torch.randint(4, 10, (len(films), 1, 6), generator=generator))
    return films


def attend(x, memory, weights, name, heads):
    """Multi-head attention of x (t, width) to a memory (m, width), by the parameters of `name`."""
    q, k, v = (
        linear(*pair)
        for pair in ((x, weights, f"{name}.query"), *((memory, weights, f"{name}.{part}") for part in ("key", "value")))
    )
    width = q.shape[1] // heads
    cuts = [slice(head * width, (head + 1) * width) for head in range(heads)]
    parts = [softmax(q[:, cut] @ k[:, cut].T / np.sqrt(width)) @ v[:, cut] for cut in cuts]
    return linear(np.concatenate(parts, 1), weights, f"{name}.output")
