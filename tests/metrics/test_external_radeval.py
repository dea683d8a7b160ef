"""RadEval's own classes on small random weights: our plug-ins hand over what they must and read what comes back.

Only runs where RadEval is installed (`pip install 'rrgbench[ratescore]'`); random weights can't show whether a value is
a good one, only that it is the package's.
"""

import json
import sys

import numpy as np
import pytest

from rrgbench.metrics.external import packages as external_packages
from rrgbench.metrics.external.loading import load_metric
from rrgbench.scoring.score import score

pytest.importorskip("radeval", reason="RadEval is not installed: pip install 'rrgbench[ratescore]'")

REFERENCES = ["the heart is large . no effusion .", "there is a left effusion .", "lungs are clear ."]
HYPOTHESES = ["the heart is normal . no effusion .", "no left effusion .", "lungs are clear ."]
SIZE = {"hidden_size": 16, "num_hidden_layers": 5, "num_attention_heads": 2, "intermediate_size": 32}


def bert(folder, kind="BertModel", **more):
    """A small random BERT and its tokenizer on disk."""
    import torch
    import transformers

    folder.mkdir(parents=True)
    words = sorted({word for text in [*REFERENCES, *HYPOTHESES] for word in text.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    tokenizer = transformers.BertTokenizerFast.from_pretrained(folder, model_max_length=64)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.5, **SIZE, **more
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


@pytest.fixture
def radgraph_folder(tmp_path):
    """A folder as RadGraph's archives hold it, around the small BERT: random scorers of entities and relations."""
    return write_radgraph(tmp_path / "graphs", "radgraph-xl", bert(tmp_path / "bert"))


def write_radgraph(root, name, encoder):
    import torch

    external_packages._radeval_by_its_former_name()
    from radeval.metrics.radgraph import RadGraph
    from radeval.metrics.radgraph._vendor import core

    folder = root / name
    (folder / "vocabulary").mkdir(parents=True)
    labels = {"ner": ["ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U"], "relation": ["modify", "located_at", "suggestive_of"]}
    for task, names in labels.items():
        (folder / "vocabulary" / f"{name}__{task}_labels.txt").write_text("\n".join(["", *names]) + "\n")
    (folder / "vocabulary" / "non_padded_namespaces.txt").write_text("*tags\n*labels\n")
    bert_settings = {
        "bert": {"model_name": str(encoder), "max_length": 64, "type": "pretrained_transformer_mismatched"}
    }
    config = {
        "dataset_reader": {"max_span_width": 3, "token_indexers": bert_settings},
        "model": {
            "type": "dygie",
            "embedder": {"token_embedders": bert_settings},
            "initializer": {},
            "module_initializer": {},
            "modules": {
                "ner": {},
                "relation": {"spans_per_word": 0.5},
                "coref": {"spans_per_word": 0.3, "coref_prop": 0, "max_antecedents": 10},
                "events": {
                    "trigger_spans_per_word": 0.3,
                    "argument_spans_per_word": 0.8,
                    "loss_weights": {"arguments": 1.0, "trigger": 1.0},
                },
            },
            "feature_size": 4,
            "max_span_width": 3,
            "target_task": "relation",
            "feedforward_params": {"num_layers": 1, "hidden_dims": 8, "dropout": 0.0},
            "loss_weights": {"ner": 0.2, "relation": 1.0, "coref": 0.0, "events": 0.0},
        },
    }
    (folder / "config.json").write_text(json.dumps(config))

    def save_instead(self, state, strict=True):
        torch.save(self.state_dict(), folder / "weights.th")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.torch, "load", lambda *_, **__: {})
        patch.setattr(core.dygie.DyGIE, "load_state_dict", save_instead)
        torch.manual_seed(2)
        RadGraph(model_type=name, model_cache_dir=str(root))
    return root


def test_radgraph_f1_is_the_packages_own(radgraph_folder) -> None:
    metric = load_metric("radgraph_f1", folder=str(radgraph_folder))
    found = score(REFERENCES, HYPOTHESES, metrics=[metric], protocol="raw", replicates=100)
    from radeval.metrics.radgraph import F1RadGraph

    scorer = F1RadGraph(reward_level="all", model_type="radgraph-xl", model_cache_dir=str(radgraph_folder))
    means, by_level, _, _ = scorer(refs=REFERENCES, hyps=HYPOTHESES)
    columns = ["radgraph_f1_simple", "radgraph_f1_partial", "radgraph_f1_complete"]
    np.testing.assert_allclose(found.per_study[columns].to_numpy().T, by_level, atol=1e-12)
    np.testing.assert_allclose([found[key].value for key in columns], means, atol=1e-12)
    assert found["radgraph_f1_simple"].value > 0
    assert "(model=radgraph-xl@" in metric.identity
    assert metric.statistics([["no effusion ."]], [" "]).tolist() == [[0.0, 0.0, 0.0]]


def test_ratescore_is_the_packages_own(tmp_path) -> None:
    pytest.importorskip("medspacy", exc_type=ImportError, reason="medspacy can't be imported beside this numpy")
    kinds = ["ABNORMALITY", "ANATOMY", "DISEASE", "NON-ABNORMALITY", "NON-DISEASE"]
    names = ["O", *(f"B-{kind}" for kind in kinds)]
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: row for row, name in enumerate(names)}}
    ner = bert(tmp_path / "ner", "BertForTokenClassification", **labels)
    embedder = bert(tmp_path / "embedder")
    metric = load_metric("ratescore", ner=str(ner), embedder=str(embedder))
    found = score(REFERENCES, HYPOTHESES, metrics=[metric], protocol="raw", replicates=100)
    from radeval.metrics.RaTEScore import RaTEScore

    expected, _, _ = RaTEScore(bert_model=str(ner), eval_model=str(embedder)).compute_score(HYPOTHESES, REFERENCES)
    np.testing.assert_allclose(found.per_study["ratescore"], expected, atol=1e-12)
    assert len(set(expected)) == 3
    assert metric.statistics([["no effusion ."]], [""]).tolist() == [[0.5]]
    assert "ner=ner@" in metric.identity


def test_green_is_the_packages_own(tmp_path) -> None:
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path / "judge"
    base = ByteLevelBPETokenizer()
    base.train_from_iterator(REFERENCES, vocab_size=300, special_tokens=["<s>", "</s>", "<unk>"])
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=base._tokenizer, padding_side="left", **special)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=2048, **SIZE, eos_token_id=1)
    LlamaForCausalLM(config).save_pretrained(folder)
    metric = load_metric("green", model=str(folder))
    judge = sys.modules["radeval.metrics.green_score.green"].GREEN
    answers = iter(
        f"[Clinically Significant Errors]:\n(a) False report: {errors}. x\n\n[Matched Findings]:\n{same}. y"
        for errors, same in ((1, 1), (3, 1), (0, 2))
    )
    with pytest.MonkeyPatch.context() as patch:
        # A random model's answers hold no counts, so the reading of answers is checked on written ones.
        ask = judge.get_response
        patch.setattr(judge, "get_response", lambda self, batch: [next(answers) for _ in ask(self, batch)])
        found = score(REFERENCES, HYPOTHESES, metrics=[metric], protocol="raw", intervals=False)
    assert found.per_study["green"].tolist() == [0.5, 0.25, 1.0]
    assert found["green"].value == pytest.approx(1.75 / 3)
    assert "(model=judge@" in metric.identity


def test_radcliq_is_the_packages_own(tmp_path, monkeypatch) -> None:
    import torch
    from transformers import BertModel

    external_packages._radeval_by_its_former_name()
    from radeval.metrics.f1chexbert import f1chexbert
    from radeval.metrics.RadCliQv1 import radcliq
    from radeval.metrics.radgraph._vendor import core

    # The package takes no folders, but a model id that is a folder's name here is that folder.
    monkeypatch.chdir(tmp_path)
    chexbert = BertModel.from_pretrained(bert(tmp_path / "bert-base-uncased")).state_dict()
    bert(tmp_path / "distilroberta-base")
    state = {f"module.bert.{key}": tensor for key, tensor in chexbert.items()}
    for head in range(14):
        classes = 4 if head < 13 else 2
        state[f"module.linear_heads.{head}.weight"] = torch.zeros(classes, SIZE["hidden_size"])
        state[f"module.linear_heads.{head}.bias"] = torch.zeros(classes)
    torch.save({"model_state_dict": state}, tmp_path / "chexbert.pth")
    monkeypatch.setattr(f1chexbert, "hf_hub_download", lambda **_: str(tmp_path / "chexbert.pth"))
    monkeypatch.setattr(
        core, "CACHE_DIR", str(write_radgraph(tmp_path / "graphs", "radgraph", tmp_path / "bert-base-uncased"))
    )
    metric = load_metric("radcliq")
    found = score(REFERENCES, HYPOTHESES, metrics=[metric], protocol="raw", replicates=100)
    reciprocal, expected = radcliq.CompositeMetric().predict(REFERENCES, HYPOTHESES)
    np.testing.assert_allclose(found.per_study["radcliq"], expected, atol=1e-6)
    assert found["radcliq"].value == pytest.approx(1 / reciprocal, abs=1e-6)
    assert len(set(np.round(expected, 4))) == 3
