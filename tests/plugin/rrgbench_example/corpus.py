"""A corpus: grey films, the darker half of which shows an effusion."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.study import Study, blank_labels
from rrgbench.observations import OBSERVATIONS, POSITIVE


@dataclass(frozen=True)
class Gradient:
    """A film from black at the left to `brightest` at the right."""

    brightest: int
    view: str = "PA"

    def load(self, size: int) -> NDArray[np.uint8]:
        """The film (size, size)."""
        return np.tile(np.linspace(0, self.brightest, size).astype(np.uint8), (size, 1))


def study(index: int) -> Study:
    """The study of a number; every third one is in the test split."""
    dark = index % 2 == 0
    labels = blank_labels()
    labels[OBSERVATIONS.index("Pleural Effusion" if dark else "No Finding")] = POSITIVE
    report = "A pleural effusion is seen ." if dark else "The lungs are clear . No pleural effusion ."
    return Study(
        study_id=f"gradient-{index}",
        subject_id=f"subject-{index}",
        split="test" if index % 3 == 0 else "train",
        images=(Gradient(80 if dark else 255),),
        report=report,
        labels=labels,
        labels_source="gradient",
    )


def load(root: Path | None = None, studies: int = 60) -> Corpus:
    """The corpus; it is made as it is read, so `root` stays unused."""
    digest = sha256(f"gradients 1 {studies}".encode()).hexdigest()
    return Corpus("gradients", digest, tuple(study(index) for index in range(studies)))
