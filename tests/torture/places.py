"""What faults are provoked on: a small corpus of noise films, a suite that runs on it in seconds, a preset as small."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

TEXTS = (
    "no effusion or edema .",
    "small left pleural effusion .",
    "mild cardiomegaly without edema .",
    "right lower lobe atelectasis .",
)

LABELS: tuple[dict[str, int], ...] = (
    {"Pleural Effusion": 0, "Edema": 0},
    {"Pleural Effusion": 1, "Edema": 0},
    {"Cardiomegaly": 1, "Edema": 0},
    {"Atelectasis": 1, "Pleural Effusion": 0},
)

SUITE: dict[str, Any] = {
    "replicates": 10,
    "trivial": ["fixed-template"],
    "tasks": {
        "report_generation": {},
        "clinical_efficacy": {},
        "classification": {"fractions": [1.0], "steps": 2, "fewest_steps": 2},
        "error_correlation": {},
    },
}


def make_corpus(root: Path, studies: int = 20) -> Path:
    """A folder with `studies.jsonl` and films, a fifth of them in the test split."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(studies):
        Image.fromarray(rng.integers(0, 255, (48, 40), dtype=np.uint8)).save(root / "images" / f"{number}.png")
        row = {
            "study_id": f"s{number}",
            "subject_id": f"p{number}",
            "images": [f"images/{number}.png"],
            "view": "PA",
            "report": TEXTS[number % len(TEXTS)],
            "labels": LABELS[number % len(LABELS)],
            "split": ("train", "test", "validate", "train", "train")[number % 5],
        }
        rows.append(json.dumps(row))
    (root / "studies.jsonl").write_text("\n".join(rows))
    return root


def make_preset(path: Path, epochs: int = 2) -> Path:
    """A baseline's preset that trains in a second an epoch."""
    stage = f"{{epochs: {epochs}, batch_size: 16, learning_rate: 1.0e-3}}"
    path.write_text(
        "image_size: 32\n"
        "image_encoder: {kind: resnet, num_channels: 1, embedding_size: 8, hidden_sizes: [8, 16], depths: [1, 1], "
        "layer_type: basic}\n"
        "text_encoder: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 32, "
        "max_position_embeddings: 160}\n"
        f"report: {stage}\n"
        f"contrast: {stage}\n"
        "min_word_count: 1\n"
        "systems:\n"
        "  s&t: {model: {width: 16}}\n"
    )
    return path
