"""CheXbert: the BERT labeler of Smit et al. (EMNLP 2020), its architecture and checkpoint format, batched.

Labels equal those of the `f1chexbert` package for the same weights; it labels one report per forward pass, this
labels each distinct report once, in packed batches (`rrgbench.labelers.chexbert_runtime`). Weights are not shipped:
give a local `chexbert.pth` or a hub id. torch is imported when a labeler is built, not before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, MissingPartError
from rrgbench.labelers.chexbert_runtime import PackedChexbert
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

if TYPE_CHECKING:
    import torch
    from tokenizers.implementations import BertWordPieceTokenizer

CHEXBERT_ORDER: Final = (
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
)
"""Order of CheXbert's 14 heads, which is not CheXpert's column order."""

CLASSES: Final = np.array([UNMENTIONED, POSITIVE, NEGATIVE, UNCERTAIN], dtype=np.int8)
"""What the four classes of a head mean; the No Finding head has only the first two."""

HUB_WEIGHTS: Final = "StanfordAIMI/RRG_scorers"
HUB_VOCABULARY: Final = "bert-base-uncased"
_BERT_VOCABULARY: Final = "07eced37"
"""First digits of the SHA-256 of bert-base-uncased's vocab.txt, by whose word pieces CheXbert was trained."""
MAX_TOKENS: Final = 512
_COLUMNS: Final = np.array([OBSERVATIONS.index(name) for name in CHEXBERT_ORDER])
_NOT_LEARNED: Final = "bert.embeddings.position_ids"
"""0, 1, 2, ...: older transformers wrote this constant into checkpoints, newer ones do not."""


class ChexbertLabeler:
    """Labels by a trained CheXbert.

    Parameters
    ----------
    weights : str or Path
        A local checkpoint (`chexbert.pth`: a torch file whose `model_state_dict` has keys `module.bert...` and
        `module.linear_heads...`), or the id of a hub repository that holds `chexbert.pth`.
    vocabulary : str or Path
        A local `vocab.txt` (or a folder with one), or a hub id; bert-base-uncased's is what CheXbert was trained with.
    device : str, optional
        A torch device; a GPU where there is one, else the CPU.
    batch_tokens : int, optional
        Word pieces per forward pass, about: 512 on a CPU (per core), 16,384 elsewhere. Does not change labels.

    Raises
    ------
    InputError
        If weights or vocabulary are no such file, or the checkpoint has missing or unexpected tensors (named).
    MissingPartError
        If they have to come from the hub and are not available.

    Notes
    -----
    Computes in float32: int8 and bfloat16 change labels.
    """

    name = "chexbert"

    def __init__(
        self,
        weights: str | Path = HUB_WEIGHTS,
        vocabulary: str | Path = HUB_VOCABULARY,
        device: str | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        import torch

        if batch_tokens is not None and batch_tokens < 1:
            raise InputError(f"batch_tokens is {batch_tokens}; expected at least 1")
        path = _file(weights, "chexbert.pth")
        self.version = _digest(path)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_tokens = batch_tokens or (512 if self.device.type == "cpu" else 16384)
        self._network = PackedChexbert(read_checkpoint(path), self.device)
        words = _file(vocabulary, "vocab.txt")
        self._tokenizer = tokenizer_of(words)
        if (told := _digest(words)) != _BERT_VOCABULARY:
            self.version += f"-{told}"  # other words, other labels

    @property
    def identity(self) -> str:
        """`chexbert@` and the first digits of the checkpoint's SHA-256, and of another vocabulary's than BERT's."""
        return f"{self.name}@{self.version}"

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) in CheXpert coding and `OBSERVATIONS` order; an empty report is labelled like any other.

        A report of more than 512 word pieces is cut, as CheXbert does.
        """
        distinct = list(dict.fromkeys(clean(report) for report in reports))
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(distinct)]
        by_length = sorted(range(len(distinct)), key=lambda i: len(pieces[i]))
        batches = self._batches(by_length, [len(pieces[i]) for i in by_length])
        labels = np.empty((len(distinct), len(OBSERVATIONS)), dtype=np.int8)
        for rows, classes in zip(batches, self._run([[pieces[i] for i in rows] for rows in batches]), strict=True):
            labels[np.array(rows)[:, None], _COLUMNS] = CLASSES[classes]
        position = {report: row for row, report in enumerate(distinct)}
        order = np.array([position[clean(report)] for report in reports], dtype=np.intp)
        return labels[order]

    def _batches(self, rows: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
        """Rows cut into stretches of about as many word pieces each, on a CPU as many stretches for every core."""
        import torch

        total = sum(lengths)
        count = -(-total // self.batch_tokens)
        if self.device.type == "cpu":
            cores = torch.get_num_threads()
            count = -(-count // cores) * cores
        batches: dict[int, list[int]] = {}
        before = 0
        for row, length in zip(rows, lengths, strict=True):
            batches.setdefault(before * count // total, []).append(row)
            before += length
        return list(batches.values())

    def _run(self, batches: Sequence[Sequence[Sequence[int]]]) -> list[NDArray[np.int64]]:
        """Classes of every batch; on a CPU one batch per core, which leaves no core waiting for another."""
        import torch

        cores = torch.get_num_threads()
        if self.device.type != "cpu" or cores == 1 or len(batches) < 2:
            return [self._classes(batch) for batch in batches]
        try:
            with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return list(pool.map(self._classes, batches))
        finally:
            torch.set_num_threads(cores)  # part of the setting is shared by all threads

    def _classes(self, reports: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Most probable class per report and head (n, 14), heads in CheXbert's order."""
        return self._network.classes(reports)


def clean(report: str) -> str:
    """White space as f1chexbert prepares it: runs become one blank, ends are stripped."""
    return re.sub(r"\s+", " ", report).strip()


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint file without their `module.`, read without running any code that the file may hold.

    Raises
    ------
    InputError
        If the file is no CheXbert checkpoint.
    """
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path.name} is not a torch checkpoint of plain tensors: {reason}") from error
    if not isinstance(content, dict) or not isinstance(content.get("model_state_dict"), dict):
        raise InputError(f"{path.name} has no `model_state_dict`; expected CheXbert's checkpoint format")
    state = {key.removeprefix("module."): tensor for key, tensor in content["model_state_dict"].items()}
    state.pop(_NOT_LEARNED, None)
    return state


def tokenizer_of(vocabulary: Path) -> BertWordPieceTokenizer:
    """bert-base-uncased's tokenizer over a vocabulary file."""
    from tokenizers.implementations import BertWordPieceTokenizer

    tokenizer = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _file(source: str | Path, name: str) -> Path:
    """A local file, the file of that name in a local folder, or the one in a hub repository."""
    path = Path(source)
    if path.is_dir():
        path = path / name
    if path.is_file():
        return path
    if isinstance(source, Path) or str(source).count("/") > 1 or Path(source).suffix:
        raise InputError(f"there is no file {path.name!r} where CheXbert's {name} was looked for; give its path")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repo_id=str(source), filename=name))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise MissingPartError(
            f"CheXbert needs {name} from the hub repository {source!r}, which can't be reached; give a local path "
            "(weights=..., vocabulary=...; on the command line by --labeler-option)"
        ) from error


def _digest(path: Path) -> str:
    """First eight hex digits of a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:8]
