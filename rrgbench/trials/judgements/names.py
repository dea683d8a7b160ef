"""Words in the names of columns: who, which report, what is said of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.scoring.report_shapes import plain_name, usual_names

STUDY: Final = "study_id"
REFERENCE: Final = "reference"
REPORT: Final = "report"
CANDIDATE: Final = "candidate"
RATER: Final = "rater"
RATING_COLUMN: Final = "rating"
ERRORS_COLUMN: Final = "errors"
SIGNIFICANT_COLUMN: Final = "significant_errors"
PREFERENCE_COLUMN: Final = "preference"
JUDGED: Final = (RATING_COLUMN, ERRORS_COLUMN, SIGNIFICANT_COLUMN, PREFERENCE_COLUMN)
FIELDS: Final = (STUDY, REFERENCE, REPORT, CANDIDATE, RATER, *JUDGED)
"""What a column can be named for, by `--judgement-columns` too."""

USUAL: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    STUDY: (
        ("study_id", "studyid", "study"),
        ("uid", "case", "case_id", "study_number", "accession", "accession_number", "exam_id", "report_id"),
        ("id",),
        ("image_id", "dicom_id", "img_id", "image"),
    ),
    REFERENCE: (
        ("reference",),
        tuple(one for one in usual_names("references") if one not in usual_names("predictions")),
    ),
    REPORT: (
        ("report",),
        ("candidate_report", "candidate_text", *(one for one in usual_names("predictions") if one != "candidate")),
    ),
    CANDIDATE: (
        ("candidate",),
        ("candidate_id", "candidate_name", "candidate_type"),
        ("system", "system_name", "system_id", "model", "model_name", "model_id"),
    ),
    RATER: (
        ("rater",),
        ("rater_id", "rater_index", "rater_name", "reader", "reader_id", "radiologist", "radiologist_id"),
        ("annotator", "annotator_id", "expert", "expert_id", "evaluator", "reviewer"),
    ),
}
"""Names by field, in tiers: a name of a later tier counts only where none of an earlier one is there."""

CATEGORY_COLUMNS: Final = ("error_category", "category", "error_type", "category_of_error")
"""Where a row counts the errors of one category."""
WEIGHT_COLUMNS: Final = ("clinically_significant", "is_significant", "significant")
"""Whether the errors that a row counts matter for the patient."""

WEIGHTS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "1", "1.0", "yes"), True),
    **dict.fromkeys(("false", "0", "0.0", "no"), False),
}
"""Whether errors are significant, as tables say it."""

RATING_WORDS: Final = frozenset(("rating", "ratings", "likert"))
SCORE_WORDS: Final = frozenset(("score", "scores", "quality", "overall", "grade"))
"""Words that say a rating, and many other things too."""
ERROR_WORDS: Final = frozenset(("error", "errors", "mistakes"))
PREFERENCE_WORDS: Final = frozenset(("preference", "preferences", "preferred", "winner", "choice", "vote"))
SIGNIFICANT_WORDS: Final = frozenset(("significant", "sig"))
INSIGNIFICANT_WORDS: Final = frozenset(("insignificant", "insig", "nonsignificant"))
FILLERS: Final = frozenset(("total", "count", "counts", "number", "num", "of", "n", "the", "clinically", "clinical"))
_FAULTS: Final = frozenset(
    (
        *("false", "missing", "missed", "omitted", "omission", "omissions", "wrong", "incorrect", "extra", "spurious"),
        *("hallucination", "hallucinations", "hallucinated", "misplaced", "mention", "commission", "commissions"),
        *("incorrectly", "added", "contradiction", "contradictions"),
    )
)
_KINDS: Final = frozenset(
    (
        *("finding", "findings", "location", "locations", "position", "severity", "comparison", "comparisons"),
        *("prediction", "predictions", "laterality", "side", "measurement", "measurements", "device", "devices"),
        *("negation", "negations", "certainty", "uncertainty", "descriptor", "descriptors", "attribute", "attributes"),
    )
)
_ALONE: Final = frozenset(("omission", "omissions", "hallucination", "hallucinations", "commission", "commissions"))
_CATEGORY: Final = frozenset(("category", "cat"))
_BETWEEN: Final = frozenset(
    (
        *("in", "and", "not", "present", "absent", "reference", "report", "change", "changes", "from", "to"),
        *("previous", "prior", "study", "candidate", "assessment", "type", "that", "is", "describing"),
    )
)
SUMMARIES: Final = frozenset(
    ("mean", "avg", "average", "median", "std", "sd", "var", "variance", "consensus", "majority", "min", "max", "sum")
)
ASIDES: Final = frozenset(
    (
        *("comment", "comments", "explanation", "explanations", "reason", "reasons", "rationale", "note", "notes"),
        *("date", "time", "scale", "confidence", "text", "texts", "description", "details", "id", "type", "length"),
    )
)
METRICS: Final = frozenset(
    (
        *("bleu", "bleu1", "bleu2", "bleu3", "bleu4", "rouge", "rougel", "meteor", "cider", "bertscore", "bert"),
        *("radgraph", "f1", "green", "ratescore", "chexbert", "semb", "radcliq", "crimson", "precision", "recall"),
    )
)
ASPECTS: Final = frozenset(
    (
        *("accuracy", "completeness", "clarity", "readability", "fluency", "factuality", "coherence", "conciseness"),
        *("relevance", "usefulness", "utility", "style", "grammar", "correctness", "safety", "urgency"),
        *("findings", "impression", "language", "structure", "severity", "location"),
    )
)
_PEOPLE: Final = (
    "r|rater|reader|radiologist|rad|annotator|expert|doctor|dr|physician|judge|reviewer|observer|evaluator|resident|"
    "attending|assessor"
)
_PERSON: Final = re.compile(rf"(?:{_PEOPLE})_?(?:\d{{1,3}}|[a-z])|\d{{1,3}}|[a-z]|(?:{_PEOPLE})_\w+|\w+_(?:{_PEOPLE})")
_PREFIX: Final = re.compile(rf"(?:{_PEOPLE})_?(?=(?:\d{{1,3}}|[a-z])$)|(?:{_PEOPLE})_(?=\w)")


def words(column: str) -> list[str]:
    """Words of a column's name as it spells them, parted by anything but letters and digits, or by a capital inside."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column))


def plain(column: str) -> str:
    """A column's name in the form in which names are compared."""
    return plain_name("_".join(words(column)))


def is_person(tag: str) -> bool:
    """Whether a part of a column's name says a rater: `r1`, `1`, `reader_a`, `radiologist_smith`."""
    return _PERSON.fullmatch(tag) is not None


def is_title(word: str) -> bool:
    """Whether a word is what raters are called in general."""
    return word in _PEOPLE.split("|")


def names_person(column: str) -> bool:
    """Whether a column's name is a rater's and nothing else: `Reader 1`, `radiologist_b`, `r2`."""
    said = [word.lower() for word in words(column)]
    return is_person("_".join(said)) and len("".join(said)) > 1 and not "".join(said).isdigit()


def person(tag: str) -> str:
    """A rater by what tells them apart, so that `r1` and `reader_1` are one."""
    return _PREFIX.sub("", tag)


def category_words(rest: Sequence[str], said: bool) -> tuple[bool, list[str]]:
    """Whether words name a category of errors as ReXVal and others call them, and what stands before or behind it.

    Parameters
    ----------
    rest : sequence of str
        Words in lower case, without those that say error or significance.
    said : bool
        Whether the name says that it is of errors: `errors_location` is a category, `location` is none.
    """
    if _CATEGORY & set(rest):
        return True, []
    inside = [word in _FAULTS | _KINDS | _BETWEEN for word in rest]
    if not any(inside):
        return False, []
    first, last = inside.index(True), len(inside) - inside[::-1].index(True)
    around, within = [*rest[:first], *rest[last:]], set(rest[first:last])
    if within - _FAULTS - _KINDS - _BETWEEN - {"a", "an"}:
        return False, []
    named = bool(within & _FAULTS and within & _KINDS) or bool(within & _ALONE)
    return named or (said and bool(within & (_FAULTS | _KINDS))), around
