"""CheXbert in its checkpoint format, against a plain one-report-at-a-time reading of its architecture."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from rrgbench.errors import InputError
from rrgbench.labelers import CachedLabeler, load
from rrgbench.labelers.chexbert import CHEXBERT_ORDER, ChexbertLabeler, clean
from rrgbench.labelers.f1chexbert import f1chexbert
from rrgbench.observations import COMPETITION_OBSERVATIONS, OBSERVATIONS

TEXT = (
    "no focal consolidation pleural effusion pneumothorax heart size is normal mildly enlarged the lungs are clear "
    "left right small large opacity atelectasis versus pneumonia edema . , there of"
)
WORDS = TEXT.split()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(WORDS)]
CLASS_LABELS = (-2, 1, 0, -1)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return path


def random_state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of a small CheXbert, named as in the published checkpoint, old constant included."""
    generator = torch.Generator().manual_seed(seed)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=96,
    )
    state = {
        f"module.bert.{key}": torch.randn(value.shape, generator=generator)
        for key, value in BertModel(config).state_dict().items()
    }
    for key, value in state.items():  # so that [CLS] depends on the words more than on itself
        if key.endswith("LayerNorm.weight"):
            value.fill_(1.0)
        if key.endswith(("bias", "position_embeddings.weight")):
            value.zero_()
    state["module.bert.embeddings.word_embeddings.weight"][2] = 0.0
    state["module.bert.embeddings.position_ids"] = torch.arange(512)[None]
    for head, name in enumerate(CHEXBERT_ORDER):
        classes = 2 if name == "No Finding" else 4
        state[f"module.linear_heads.{head}.weight"] = torch.randn(classes, 64, generator=generator)
        state[f"module.linear_heads.{head}.bias"] = torch.zeros(classes)
    return state


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "chexbert.pth"
    torch.save({"epoch": 3, "model_state_dict": random_state()}, path)
    return path


def random_reports(count: int, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 60))) for _ in range(count)]


def plain_labels(state: dict[str, torch.Tensor], reports: list[str]) -> np.ndarray:
    """One report at a time: [CLS] vector of BERT, one linear head per observation, arg max."""
    tensors = {key.removeprefix("module."): value for key, value in state.items()}
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=64, num_hidden_layers=2, num_attention_heads=1, intermediate_size=96
    )
    bert = BertModel(config).eval()
    own = {key.removeprefix("bert."): value for key, value in tensors.items() if key.startswith("bert.")}
    own.pop("embeddings.position_ids")
    bert.load_state_dict(own)
    labels = np.full((len(reports), 14), -9, dtype=np.int8)
    for row, report in enumerate(reports):
        words = [VOCABULARY.index(word) if word in VOCABULARY else 1 for word in report.split()][:510]
        ids = torch.tensor([[2, *words, 3]])
        with torch.no_grad():
            vector = bert(ids).last_hidden_state[0, 0]
        for head, name in enumerate(CHEXBERT_ORDER):
            scores = tensors[f"linear_heads.{head}.weight"] @ vector + tensors[f"linear_heads.{head}.bias"]
            labels[row, OBSERVATIONS.index(name)] = CLASS_LABELS[int(scores.argmax())]
    return labels


@pytest.mark.parametrize("batch_tokens", [1, 300, None])
def test_labels_equal_the_plain_reading(weights: Path, vocabulary: Path, batch_tokens: int | None) -> None:
    reports = [*random_reports(80), "", "unseen words only", " ".join(["opacity"] * 700)]
    given = ChexbertLabeler(weights, vocabulary, device="cpu", batch_tokens=batch_tokens).label(reports)
    assert given.dtype == np.int8
    np.testing.assert_array_equal(given, plain_labels(random_state(), reports))
    assert len(np.unique(given, axis=0)) > 20, "the test would not notice mixed-up rows"


def test_thread_setting_is_left_as_found(weights: Path, vocabulary: Path) -> None:
    before = torch.get_num_threads()
    ChexbertLabeler(weights, vocabulary, device="cpu").label(random_reports(40))
    assert torch.get_num_threads() == before


def test_white_space_is_cleaned_as_f1chexbert_does() -> None:
    assert clean("  a\n b\t\r\n c ") == "a b c"


def test_each_distinct_report_runs_once(weights: Path, vocabulary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labeler = ChexbertLabeler(weights, vocabulary, device="cpu")
    seen: list[int] = []
    original = labeler._classes
    monkeypatch.setattr(labeler, "_classes", lambda pieces: (seen.append(len(pieces)), original(pieces))[1])
    reports = random_reports(10)
    labels = labeler.label([*reports, *reports, *reports])
    assert sum(seen) == len(set(reports))
    np.testing.assert_array_equal(labels[:10], labels[20:])


def test_identity_follows_the_weights(weights: Path, vocabulary: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    torch.save({"model_state_dict": random_state(seed=5)}, other)
    one = load("chexbert", weights=weights, vocabulary=vocabulary, device="cpu")
    two = load("chexbert", weights=other, vocabulary=vocabulary, device="cpu")
    assert one.identity.startswith("chexbert@")
    assert one.identity != two.identity


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("module.linear_heads.3.bias"), "lacks tensors: linear_heads.3.bias"),
        (lambda state: state.update({"module.extra": torch.zeros(1)}), "unexpected tensors: extra"),
        (lambda state: state.update({"module.linear_heads.0.bias": torch.zeros(7)}), "misshapen tensors"),
        (lambda state: state.clear(), "lacks the tensor"),
    ],
)
def test_a_checkpoint_is_loaded_strictly(change, message: str, tmp_path: Path, vocabulary: Path) -> None:  # type: ignore[no-untyped-def]
    state = random_state()
    change(state)
    path = tmp_path / "chexbert.pth"
    torch.save({"model_state_dict": state}, path)
    with pytest.raises(InputError, match=message):
        ChexbertLabeler(path, vocabulary, device="cpu")


class _Harmful:
    def __reduce__(self):  # type: ignore[no-untyped-def]
        return (print, ("a checkpoint ran code",))


def test_code_in_a_checkpoint_never_runs(tmp_path: Path, vocabulary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chexbert.pth"
    torch.save({"model_state_dict": _Harmful()}, path)
    with pytest.raises(InputError, match="not a torch checkpoint"):
        ChexbertLabeler(path, vocabulary, device="cpu")
    path.write_bytes(pickle.dumps([1, 2, 3])[:5])
    with pytest.raises(InputError, match="not a torch checkpoint"):
        ChexbertLabeler(path, vocabulary, device="cpu")
    assert "ran code" not in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path: Path, vocabulary: Path) -> None:
    with pytest.raises(InputError, match=r"chexbert\.pth"):
        ChexbertLabeler(tmp_path / "chexbert.pth", vocabulary)


def test_f1chexbert_results(weights: Path, vocabulary: Path) -> None:
    references = random_reports(30)
    hypotheses = [*references[:15], *random_reports(15, seed=9)]
    labeler = CachedLabeler(ChexbertLabeler(weights, vocabulary, device="cpu"), weights.parent / "labels.sqlite")
    result = f1chexbert(hypotheses, references, labeler)
    truth, given = (np.isin(labeler.label(texts), (1, -1)) for texts in (references, hypotheses))
    five = [OBSERVATIONS.index(name) for name in COMPETITION_OBSERVATIONS]
    right = (truth[:, five] == given[:, five]).all(axis=1)
    assert result.accuracy == pytest.approx(right.mean())
    np.testing.assert_array_equal(result.per_report, right.astype(np.float32))
    edema = OBSERVATIONS.index("Edema")
    both = (truth[:, edema] & given[:, edema]).sum()
    expected = 2 * both / max(1, truth[:, edema].sum() + given[:, edema].sum())
    assert result.report_14["Edema"]["f1-score"] == pytest.approx(expected)
    assert set(COMPETITION_OBSERVATIONS) < set(result.report_5)
    with pytest.raises(InputError, match="1 hypotheses for 2 references"):
        f1chexbert(["a"], ["b", "c"], labeler)
