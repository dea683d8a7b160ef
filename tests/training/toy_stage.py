"""A small stage that tests train in one process or, run as a script under torchrun, in several."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, default_collate

from rrgbench.training.settings import StageSettings
from rrgbench.training.stage import Learner, Work, train_stage

ITEMS = 48


class ToyItems(Dataset):
    """Inputs with a little noise drawn anew each epoch, and the sums of their halves."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.inputs = torch.from_numpy(rng.normal(size=(ITEMS, 6))).float()
        self.set_epoch(0)

    def set_epoch(self, epoch):
        self.noise = torch.from_numpy(np.random.default_rng((7, epoch)).normal(0, 0.1, self.inputs.shape)).float()

    def __len__(self):
        return ITEMS

    def __getitem__(self, index):
        x = self.inputs[index]
        return {"x": x + self.noise[index], "y": torch.stack([x[:3].sum(), x[3:].sum()])}


class ToyNetwork(nn.Module):
    """A frozen layer, a norm, dropout if wanted, and a head."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(5)
        self.frozen = nn.Linear(6, 16).requires_grad_(False)
        self.norm = nn.LayerNorm(16)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(16, 2)
        self.seen_types = set()

    def forward(self, x, y):
        predicted = self.head(self.dropout(self.norm(torch.tanh(self.frozen(x)))))
        self.seen_types.add(predicted.dtype)
        return {"loss": (predicted - y).square().mean()}


def settings(**changes):
    return StageSettings(**{"epochs": 3, "batch_size": 8, "learning_rate": 1e-2, **changes})


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    network = ToyNetwork()
    work = Work(ToyItems(), default_collate, validation=ToyItems(1))
    train_stage("toy", settings(batch_size=int(sys.argv[2])), Learner(network), work, folder)
    torch.save(network.state_dict(), folder / f"weights-{torch.distributed.get_rank()}.pt")
