"""What training reads of a second corpus, and of features that are computed once."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from transformers import set_seed

from rrgbench.data.phantom import load, load_b
from rrgbench.errors import InputError
from rrgbench.modeling.image_encoder import build_image_encoder
from rrgbench.training import stored_features as module
from rrgbench.training.data import Sources
from rrgbench.training.stored_features import features_digest, stored_features


def test_a_copy_of_the_data_set_brings_no_subject_that_is_tested_on():
    corpus = load(train=4, validate=2, test=3, retrieval=0)
    tested = {study.subject_id for study in corpus.studies if study.split != "train"}
    more = load_b(train=6, validate=0, test=2)
    held = next(iter(sorted(tested)))
    first = more.studies[0]
    assert first.split == "train"
    shared = replace(more, studies=(replace(first, subject_id=held), *more.studies[1:]))
    assert len(Sources(corpus, 32, shared).extra_films.films) == 6, "another data set numbers subjects by itself"
    copy = replace(shared, names=corpus.names)
    assert len(Sources(corpus, 32, copy).extra_films.films) == 5
    own = replace(corpus, names=("jsonl",))
    lines = replace(shared, names=("jsonl",))
    assert len(Sources(own, 32, lines).extra_films.films) == 6, "two sets of one's own number subjects by themselves"
    everyone = tuple(replace(study, subject_id=held) for study in more.studies if study.split == "train")
    with pytest.raises(InputError, match="all 6 with labels are of subjects that phantom validates or tests on"):
        _ = Sources(corpus, 32, replace(copy, studies=everyone)).extra_films


class Means(nn.Module):
    """Counts the films that it reads."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.read = 0

    def forward(self, films):
        self.read += len(films)
        return films.float().mean(dim=(1, 2))[:, None] * self.weight


def test_features_are_computed_once(tmp_path):
    films = np.random.default_rng(0).integers(0, 255, (5, 8, 8), dtype=np.uint8)
    encoder = Means()
    first = stored_features(encoder, films, tmp_path)
    assert stored_features(encoder, films, tmp_path) is first
    module._KEPT.clear()
    np.testing.assert_array_equal(stored_features(encoder, films, tmp_path), first)
    assert encoder.read == 5
    with torch.no_grad():
        encoder.weight += 1
    assert not np.array_equal(stored_features(encoder, films, tmp_path), first)
    stored_features(encoder, films[:4], tmp_path)
    assert encoder.read == 5 + 5 + 4


def test_features_of_encoders_that_differ_in_their_strides_alone_differ():
    set_seed(0)
    shape = {"kind": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
    halving, keeping = (build_image_encoder({**shape, "output_stride": stride}) for stride in (32, 8))
    keeping.load_state_dict(halving.state_dict())
    films = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    assert features_digest(halving, films) != features_digest(keeping, films)
    assert not np.allclose(stored_features(halving, films), stored_features(keeping, films))
