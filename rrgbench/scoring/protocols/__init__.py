"""Protocols: named, versioned bundles of the choices behind a number, a YAML file each beside this one.

A protocol fixes cleaning, tokenization and the clinical-efficacy choices; its version rises whenever a number could
change, and the file of an older version stays (`name@version.yaml`). `section` states which part of the report the
protocol's source compares; the caller supplies that text.
A protocol that is none of these shows a digest of its choices in signatures, whatever it is called.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.errors import InputError, MissingPartError, UnknownNameError, problems
from rrgbench.files import read_regular
from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy, Uncertainty
from rrgbench.registry import Registry, lookup
from rrgbench.scoring.cleaning import Cleaning, Tokens, cleaner
from rrgbench.scoring.tokenization import missing_part as ptb_missing_part
from rrgbench.scoring.tokenization import ptb_tokens
from rrgbench.yaml_text import read_yaml

Section = Literal["findings", "impression", "findings and impression"]
"""Parts of a report that texts can be."""


class VocabularyRule(BaseModel):
    """What a model's tokenizer leaves of references (`rrgbench.scoring.vocabulary`).

    Attributes
    ----------
    threshold : int
        Words seen more seldom in the training reports become `<unk>`; 0 keeps all.
    cut : int
        Words that are kept of a report; 0 keeps all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: int = Field(default=0, ge=0)
    cut: int = Field(default=0, ge=0)


class Protocol(BaseModel):
    """The choices behind a number.

    Attributes
    ----------
    name, version : str, int
        Shown in signatures (`identity`).
    cleaning : str
        A function of `rrgbench.scoring.cleaning`, applied to references and hypotheses alike.
    tokenization : {"whitespace", "ptb"}
        How words are found in the cleaned text; `ptb` needs Java (`rrgbench.scoring.tokenization`). METEOR always
        normalises text its own way, as its jar does with `-norm`.
    tokens : {"all", "alphabetic"}
        Which words stay: all, or those of letters, with `<NUM>` for those of digits.
    vocabulary : VocabularyRule, optional
        The training reports' vocabulary that references go through, hypotheses not. Needs the training reports.
    cider_df : {"test", "train", "file"}
        Where CIDEr's document frequencies come from: the references scored, the training reports, or other reports that
        are given (`rrgbench.scoring.options.Scoring`).
    bleu : {"corpus", "mean-sentence"}
        BLEU of the corpus, or the mean over reports of sentence BLEU (`bleu_1_mean` ... `bleu_4_mean`).
    smoothing : float
        Matches that sentence BLEU takes where an order above the first has none (NLTK's method 1).
    labelled_text : str
        Whether the labeler reads the text as given or after cleaning and, of references, the vocabulary.
    section : str
        The part of the report that the source compares.
    labeler : str
        Default labeler; another may be given when scoring and is then shown in the signature.
    averaging, observations, uncertain : str, int, str
        As in `ClinicalEfficacy`; the averaging `example` is `per-report`.
    source : str
        Where the choices come from, and where a choice is ours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: int = Field(ge=1)
    cleaning: Cleaning
    tokenization: Literal["whitespace", "ptb"] = "whitespace"
    tokens: Tokens = "all"
    vocabulary: VocabularyRule | None = None
    cider_df: Literal["test", "train", "file"] = "test"
    bleu: Literal["corpus", "mean-sentence"] = "corpus"
    smoothing: float = Field(default=0.1, ge=0)
    labelled_text: Literal["as given", "cleaned"] = "as given"
    section: Literal["as given"] | Section = "as given"
    labeler: str = "rules@3"
    averaging: Averaging = "micro"
    observations: Literal[14, 5] = 14
    uncertain: Uncertainty = "positive"
    source: str = ""

    @field_validator("averaging", mode="before")
    @classmethod
    def _example(cls, given: Any) -> Any:
        return "per-report" if given == "example" else given

    @property
    def identity(self) -> str:
        """As signatures show it: `name@version` if it ships, else `name@version#` and 4 hex digits of its choices."""
        ours = _shipped_as(self.name).get(self.numbered)
        if ours is not None and ours.choices == self.choices:
            return self.numbered
        return f"{self.numbered}#{hashlib.sha256(json.dumps(self.choices).encode()).hexdigest()[:4]}"

    @property
    def numbered(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def choices(self) -> dict[str, Any]:
        """All that decides a number, as JSON: every field but the source; later ones only where they aren't plain."""
        plain = {name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude={"source", *plain})

    @property
    def needs_training(self) -> bool:
        """Whether numbers depend on the training reports."""
        return self.cider_df == "train" or (self.vocabulary is not None and self.vocabulary.threshold > 0)

    def clean(self, reports: Sequence[str]) -> list[str]:
        """Cleaned reports."""
        function = cleaner(self.cleaning, self.tokens)
        return [function(report) for report in reports]

    def tokenize(self, reports: Sequence[str]) -> list[str]:
        """Cleaned and tokenized reports: words separated by white space.

        Raises
        ------
        MissingPartError
            If the tokenization needs something that isn't installed (`missing_part`).
        """
        cleaned = self.clean(reports)
        return ptb_tokens(cleaned) if self.tokenization == "ptb" else cleaned

    @property
    def missing_part(self) -> str:
        """What this protocol needs and isn't installed; empty if nothing."""
        return ptb_missing_part() if self.tokenization == "ptb" else ""

    def clinical_efficacy(self) -> ClinicalEfficacy:
        """The clinical-efficacy metric with this protocol's choices."""
        return ClinicalEfficacy(self.averaging, self.observations, self.uncertain)


_LATER: Final = ("tokens", "vocabulary", "cider_df", "bleu", "smoothing")
"""Fields that came after protocols were first signed: plain ones change no digest."""

PROTOCOLS: Final[Registry[Protocol | Path]] = Registry("protocol", "rrgbench.protocols")
"""Protocols of other packages: an entry point names a `Protocol`, or the path of a YAML file."""


@cache
def shipped() -> Mapping[str, Protocol]:
    """The protocols that ship, by `name@version` and by name; a name alone means its newest version."""
    names = {stem.partition("@")[0] for stem in _files()}
    found = sorted({one.numbered: one for name in names for one in _shipped_as(name).values()}.values(), key=_rank)
    return {one.numbered: one for one in found} | {one.name: one for one in found}


@cache
def _files() -> Mapping[str, str]:
    """The file of each protocol that ships, by `name` for the newest version and `name@version` for an older one."""
    names = (path.name for path in files(__name__).iterdir())
    return {name.removesuffix(".yaml"): name for name in names if name.endswith(".yaml")}


@cache
def _shipped_as(name: str) -> Mapping[str, Protocol]:
    """As `shipped`, of one name, reading its files alone; empty if the name is not ours."""
    paths = (files(__name__) / file for stem, file in _files().items() if stem.partition("@")[0] == name)
    found = sorted((_read(path.name, path.read_text(encoding="utf-8")) for path in paths), key=_rank)
    return {one.numbered: one for one in found} | {one.name: one for one in found}


def protocol_names() -> list[str]:
    """Names that `load_protocol` takes: the newest version of each, ours first, then other packages'."""
    return [*shipped_names(), *PROTOCOLS.names()]


def shipped_names() -> list[str]:
    """Names of the protocols that ship, in the order of tables."""
    return list(dict.fromkeys(one.name for one in shipped().values()))


def loadable_protocols() -> tuple[dict[str, Protocol], dict[str, str]]:
    """All protocols by name, and why others are not among them: another package's that fails stops no command."""
    found: dict[str, Protocol] = {}
    broken: dict[str, str] = {}
    for name in protocol_names():
        try:
            found[name] = load_protocol(name)
        except (InputError, MissingPartError) as error:
            if name not in PROTOCOLS:
                raise
            broken[name] = str(error)
    return found, broken


def load_protocol(protocol: str | Path | Protocol) -> Protocol:
    """A protocol by name, as `name@version`, or from a YAML file; a `Protocol` of your own is returned as it is.

    Raises
    ------
    UnknownNameError
        If no protocol has that name, or not in that version.
    InputError
        If a file is no protocol, naming the field; if two packages bring a protocol of that name.
    """
    if isinstance(protocol, Protocol):
        return protocol
    given = str(protocol)
    if given.endswith((".yaml", ".yml")):
        return _read_file(Path(given))
    name, _, version = given.partition("@")
    ours = _shipped_as(name)
    PROTOCOLS.refuse_double(name, ours)
    if given in ours:
        return ours[given]
    if name in PROTOCOLS:
        loaded = PROTOCOLS.load(name)
        found = loaded if isinstance(loaded, Protocol) else _read_file(Path(loaded))
        if version in ("", str(found.version), found.identity.partition("@")[2]):
            return found
        raise UnknownNameError(f"protocol {given} is not available; installed is {found.identity}")
    return shipped()[lookup("protocol", given, [*shipped(), *PROTOCOLS.names()])]


def _rank(protocol: Protocol) -> tuple[int, str, int]:
    """By the order of tables, then by version."""
    order = ("raw", "coco", "dcrrg", "r2gen")
    place = order.index(protocol.name) if protocol.name in order else len(order)
    return place, protocol.name, protocol.version


def _read_file(path: Path) -> Protocol:
    try:
        return _read(path.name, read_regular(path).decode("utf-8"))
    except FileNotFoundError:
        raise InputError(f"protocol file {path} is not there; give one, or a name of rrgbench protocols") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"protocol file {path} can't be read ({type(error).__name__})") from error


def _read(name: str, text: str) -> Protocol:
    try:
        content = read_yaml(text)
        if not isinstance(content, dict):
            raise InputError(f"protocol file {name} must be a mapping, e.g. with name, version and cleaning")
        return Protocol.model_validate(content)
    except yaml.YAMLError as error:
        raise InputError(f"protocol file {name} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise InputError(f"protocol file {name}: {problems(error, Protocol.model_fields)}") from None
