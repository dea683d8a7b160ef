"""Train a small policy with a metric as its reward, by policy gradient, in seconds on a CPU.

The policy writes a report from the labels of a phantom study, a stand-in for what an encoder sees: for each of thirteen
observations one of three sentences (it is there, it is not, nothing). Rewards are compared within groups of reports
of one study, as GRPO does (Shao et al., 2024). `rrgbench.reward` gives the function that TRL takes:

    GRPOTrainer(model=..., reward_funcs=[rrgbench.reward("ce_f1")], train_dataset=rows_with_a_column_references)

Run it: python examples/train_with_reward.py
"""

import numpy as np
from numpy.typing import NDArray

import rrgbench
from rrgbench.observations import OBSERVATIONS

NAMES = tuple(name.lower() for name in OBSERVATIONS[1:])
SENTENCES = tuple((f"there is {name}.", f"no {name}.", "") for name in NAMES)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def write(choices: NDArray[np.int64]) -> str:
    """The report of a choice of sentence for each observation (13,)."""
    said = [sentences[choice] for sentences, choice in zip(SENTENCES, choices, strict=True)]
    return " ".join(filter(None, said)) or "normal."


def train(steps: int = 60, studies: int = 16, group: int = 8, rate: float = 4.0, seed: int = 0) -> list[float]:
    """Mean reward of each step.

    Parameters
    ----------
    steps : int
        Updates of the policy.
    studies, group : int
        Studies a step, and reports written for each.
    rate : float
        Step size.
    seed : int
        Of the draws.
    """
    rng = np.random.default_rng(seed)
    corpus = rrgbench.load_corpus("phantom", train=400, validate=0, test=0, retrieval=0)
    f1 = rrgbench.reward("ce_f1", protocol="raw")
    # one row of logits for each observation and each label it may have: -2 (unmentioned), -1, 0, 1
    logits = np.zeros((len(NAMES), 4, 3))
    mean_rewards = []
    for _ in range(steps):
        batch = [corpus.studies[int(row)] for row in rng.integers(0, 400, studies)]
        seen = np.stack([study.labels[1:] for study in batch if study.labels is not None]).astype(np.int64) + 2
        policy = softmax(logits[np.arange(len(NAMES)), seen])
        draws = rng.random((studies, group, len(NAMES), 1))
        choices = (draws > np.cumsum(policy, axis=-1)[:, None]).sum(axis=-1).clip(max=2)
        completions = [write(row) for of_study in choices for row in of_study]
        references = [study.report for study in batch for _ in range(group)]
        rewards = np.array(f1(completions=completions, references=references)).reshape(studies, group)
        mean_rewards.append(float(rewards.mean()))
        spread = rewards.std(axis=1, keepdims=True)
        advantage = (rewards - rewards.mean(axis=1, keepdims=True)) / (spread + 1e-6)
        # the gradient of log p(choice) by the logits is the choice less the probabilities
        gradient = advantage[..., None, None] * (np.eye(3)[choices] - policy[:, None])
        update = np.zeros_like(logits)
        np.add.at(update, (np.arange(len(NAMES)), seen), gradient.mean(axis=1))
        logits += rate * update / studies
    return mean_rewards


if __name__ == "__main__":
    found = train()
    for step in range(0, len(found), 10):
        print(f"steps {step + 1:2d} to {step + 10:2d}: mean CE F1 {np.mean(found[step : step + 10]):.3f}")
