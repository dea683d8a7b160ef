"""The paper's ablations as data: Table 4's models 1-7 and Table 5's 6a-6d.

Each variant says which steps a model takes and how, over any preset. Table 4's models balance step 1 and use no extra
films, the paper's default, so that its model 6 and Table 5's 6b are the same model. Other packages add variants by
entry points of the group `rrgbench.variants`, each naming a `Variant`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import ValidationError

from dcrrg.configuration import Preset
from rrgbench.data.corpus import Corpus
from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError, problems
from rrgbench.registry import Registry, lookup
from rrgbench.training.settings import laid_over

ADDED: Final[Registry["Variant"]] = Registry("variant", "rrgbench.variants")
"""Variants of other packages."""

EXTRA_CORPORA = {"phantom": "phantom-b", "phantom-hard": "phantom-b"}
"""The second labelled film corpus of variants with extra data, where none is named: it stands to the phantom as
CheXpert does to MIMIC-CXR. Other corpora have no default, since theirs has to be fetched."""


@dataclass(frozen=True)
class Variant:
    """One row of Table 4 or 5.

    Attributes
    ----------
    name : str
        The paper's model number.
    steps : tuple of int
        Steps trained, of 1 to 4.
    tuning : str
        Step 4: `prompt` (P-Tuning v2) or `full` (image encoder and decoder are tuned; the only way without step 3).
    balance : bool
        Step 1 re-samples each observation to equal classes.
    extra : bool
        Step 1 learns from the films and labels of a second corpus too.
    changes : mapping
        What else it changes of a preset, key by key down to the values.
    """

    name: str
    steps: tuple[int, ...]
    tuning: Literal["prompt", "full"]
    balance: bool = True
    extra: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)

    def applied(self, preset: Preset) -> Preset:
        """A preset with this variant's choices.

        Raises
        ------
        InputError
            If its `changes` are none of a preset's.
        """
        own = laid_over(self.changes, {"model": {"tuning": self.tuning}, "balance": self.balance})
        try:
            return Preset.model_validate(laid_over(preset.model_dump(), own))
        except ValidationError as error:
            raise InputError(f"variant {self.name} does not fit the preset: {problems(error)}") from error


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("1", (1, 4), "full"),
        Variant("2", (2, 4), "full"),
        Variant("3", (2, 3, 4), "prompt"),
        Variant("4", (1, 3, 4), "prompt"),
        Variant("5", (1, 2, 4), "full"),
        Variant("6", (1, 2, 3, 4), "prompt"),
        Variant("7", (1, 2, 3, 4), "full"),
        Variant("6a", (1, 2, 3, 4), "prompt", balance=False),
        Variant("6b", (1, 2, 3, 4), "prompt"),
        Variant("6c", (1, 2, 3, 4), "prompt", balance=False, extra=True),
        Variant("6d", (1, 2, 3, 4), "prompt", extra=True),
    )
}

SETS = {
    "table4": ("1", "2", "3", "4", "5", "6", "7"),
    "table5": ("6a", "6b", "6c", "6d"),
    "all": tuple(VARIANTS),
}
"""Named sets of variants."""


def chosen_variants(names: Sequence[str]) -> tuple[Variant, ...]:
    """Variants by their own names or by names of sets, each once, in the order given; the paper's and those added.

    Raises
    ------
    UnknownNameError
        If a name is neither.
    InputError
        If a package brings a variant of a name that the paper's have.
    """
    for name in names:
        ADDED.refuse_double(name, {*VARIANTS, *SETS})
        lookup("variant or set of variants", name, [*VARIANTS, *ADDED.names(), *SETS])
    spelled = [one for name in names for one in SETS.get(name, (name,))]
    return tuple(VARIANTS.get(name) or ADDED.load(name) for name in dict.fromkeys(spelled))


def default_extra_corpus(corpus: Corpus) -> Corpus:
    """The second film corpus of variants with extra data, where none is given.

    Raises
    ------
    InputError
        If the corpus has no default one.
    """
    films = corpus.names[0]
    if films not in EXTRA_CORPORA:
        raise InputError(
            f"this variant learns from the films of a second labelled corpus, and {corpus.name} has no default one; "
            "give --extra-corpus (the paper's is chexpert)"
        )
    return load_corpus(EXTRA_CORPORA[films])
