"""Protocols: named, versioned bundles of the choices behind a number.

A protocol fixes cleaning, tokenization and the clinical-efficacy choices; its version rises whenever a number could
change. `section` states which part of the report the protocol's source compares; the caller supplies that text.
"""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy, Uncertainty
from rrgbench.registry import lookup
from rrgbench.scoring.cleaning import CLEANING, Cleaning
from rrgbench.scoring.tokenization import missing_part as ptb_missing_part
from rrgbench.scoring.tokenization import ptb_tokens


class Protocol(BaseModel):
    """The choices behind a number.

    Attributes
    ----------
    name, version : str, int
        Shown in signatures as `name@version`.
    cleaning : str
        A function of `rrgbench.scoring.cleaning`, applied to references and hypotheses alike.
    tokenization : {"whitespace", "ptb"}
        How words are found in the cleaned text; `ptb` needs Java (`rrgbench.scoring.tokenization`). METEOR always
        normalises text its own way, as its jar does with `-norm`.
    labelled_text : str
        Whether the labeler reads the text as given or after cleaning.
    section : str
        The part of the report that the source compares.
    labeler : str
        Default labeler; another may be given when scoring and is then shown in the signature.
    averaging, observations, uncertain : str, int, str
        As in `ClinicalEfficacy`.
    source : str
        Where the choices come from, and where a choice is ours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int
    cleaning: Cleaning
    tokenization: Literal["whitespace", "ptb"] = "whitespace"
    labelled_text: Literal["as given", "cleaned"] = "as given"
    section: Literal["as given", "findings", "findings and impression"] = "as given"
    labeler: str = "rules"
    averaging: Averaging = "micro"
    observations: Literal[14, 5] = 14
    uncertain: Uncertainty = "positive"
    source: str

    @property
    def identity(self) -> str:
        """`name@version`, as signatures show it."""
        return f"{self.name}@{self.version}"

    def clean(self, reports: Sequence[str]) -> list[str]:
        """Cleaned reports."""
        function = CLEANING[self.cleaning]
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


PROTOCOLS: Final[dict[str, Protocol]] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="raw",
            version=1,
            cleaning="none",
            source="Text exactly as given, split at white space; clinical efficacy micro over all 14, uncertain as "
            "positive. Ours: the plainest choice, and what pycocoevalcap gives without its tokenizer.",
        ),
        Protocol(
            name="coco",
            version=1,
            cleaning="none",
            tokenization="ptb",
            source="pycocoevalcap whole, as its COCOEvalCap runs it: Penn Treebank tokenization (needs Java), lower "
            "case, punctuation dropped, then the metrics. Used by papers that call the toolkit instead of its scorers. "
            "Clinical efficacy, which it lacks, as in `raw`.",
        ),
        Protocol(
            name="dcrrg",
            version=1,
            cleaning="r2gen-mimic",
            section="findings",
            source="Zhou and Wang (EMNLP 2024) follow Chen et al. (2020), hence R2Gen's cleaning of MIMIC-CXR. "
            "Clinical efficacy is micro over 14: the F1 that the paper prints for its models is, within 0.003, the "
            "harmonic mean of the printed precision and recall. That uncertain counts as positive is our choice; the "
            "paper doesn't say.",
        ),
        Protocol(
            name="r2gen",
            version=1,
            cleaning="r2gen-iu",
            labelled_text="cleaned",
            section="findings",
            averaging="macro",
            source="Chen et al. (EMNLP 2020): R2Gen's cleaning of IU X-Ray; labels from the decoded, hence cleaned, "
            "text. Macro: the printed F1 (0.276) is below the harmonic mean (0.300) of the printed precision and "
            "recall. Not followed: R2Gen also cuts references at 60 (IU X-Ray) or 100 (MIMIC-CXR) words and replaces "
            "rare words by <unk>, which needs its training vocabulary. Uncertain as positive is our choice.",
        ),
        Protocol(
            name="radeval",
            version=1,
            cleaning="none",
            averaging="micro",
            observations=5,
            source="RadEval: text as given; of its F1CheXbert figures (micro, macro, weighted over 14 and 5; "
            "uncertain as positive) the micro average over the five competition observations. RadEval labels with "
            "CheXbert and takes ROUGE from another package; the signature shows the labeler used here, ROUGE-L is "
            "pycocoevalcap's.",
        ),
        Protocol(
            name="rexrank",
            version=1,
            cleaning="lower-split-stops",
            section="findings and impression",
            averaging="macro",
            source="ReXrank (and CXR-Report-Metric under it): findings and impression, lower-cased, full stops split "
            "off. ReXrank prints the mean of sentence-level BLEU-2, which is the mean of `per_study` here, and no "
            "label F1: macro over 14 with uncertain as positive is our choice.",
        ),
    )
}


def load_protocol(protocol: str | Protocol) -> Protocol:
    """A protocol by name; a `Protocol` of your own is returned as it is.

    Raises
    ------
    UnknownNameError
        If no protocol has that name.
    """
    if isinstance(protocol, Protocol):
        return protocol
    return PROTOCOLS[lookup("protocol", protocol, PROTOCOLS)]
