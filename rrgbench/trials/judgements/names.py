"""Words in the names of columns: who, which report, what is said of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from rrgbench.scoring.report_shapes.field_names import plain_name, usual_names

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
_PEOPLE: Final = (
    *("r", "rater", "reader", "radiologist", "rad", "annotator", "expert", "doctor", "dr", "physician", "judge"),
    *("reviewer", "observer", "evaluator", "resident", "attending", "assessor", "fellow"),
)
_ROLES: Final = frozenset(("expert", "physician", "resident", "attending", "fellow"))
"""Titles that tell raters apart: resident 1 is not attending 1, and r1 is reader 1."""
_MACHINES: Final = re.compile(
    r"(?:chat)?gpt\w*|llama\w*|claude\w*|gemini\w*|qwen\w*|mi[sx]tral\w*|deepseek\w*|(?:med)?gemma\w*|llms?|ai"
)
FILLERS: Final = frozenset(
    (
        *("total", "count", "counts", "number", "num", "of", "n", "the", "clinically", "clinical", "value", "values"),
        *("annotations", "judgements", "judgments", "evaluations", *(f"{one}s" for one in _PEOPLE[1:])),
    )
)
_FAULTS: Final = frozenset(
    (
        *("false", "missing", "missed", "omitted", "omission", "omissions", "wrong", "incorrect", "extra", "spurious"),
        *("hallucination", "hallucinations", "hallucinated", "misplaced", "mention", "commission", "commissions"),
        *("incorrectly", "added", "contradiction", "contradictions", "mentioning", "omitting", "misidentification"),
        *("misidentified", "misassessment", "misassessed", "misinterpretation", "misinterpreted", "overlooked"),
    )
)
_KINDS: Final = frozenset(
    (
        *("finding", "findings", "location", "locations", "position", "severity", "comparison", "comparisons"),
        *("prediction", "predictions", "laterality", "side", "measurement", "measurements", "device", "devices"),
        *("negation", "negations", "certainty", "uncertainty", "descriptor", "descriptors", "attribute", "attributes"),
        *("positive", "positives", "negative", "negatives"),
    )
)
_ALONE: Final = frozenset(("omission", "omissions", "hallucination", "hallucinations", "commission", "commissions"))
_CATEGORY: Final = frozenset(("category", "cat"))
_BETWEEN: Final = frozenset(
    (
        *("in", "and", "not", "present", "absent", "reference", "report", "change", "changes", "from", "to"),
        *("previous", "prior", "study", "candidate", "assessment", "type", "that", "is", "describing"),
        *("detailing", "anatomic", "anatomical"),
    )
)
_WITHIN: Final = frozenset(("a", "an", "s", "t", "isn"))
"""Words that say nothing inside the name of a category, and perhaps a rater before or behind it."""
SUMMARIES: Final = frozenset(
    ("mean", "avg", "average", "median", "std", "sd", "var", "variance", "consensus", "majority", "min", "max", "sum")
)
ASIDES: Final = frozenset(
    (
        *("comment", "comments", "explanation", "explanations", "reason", "reasons", "rationale", "note", "notes"),
        *("date", "time", "scale", "confidence", "text", "texts", "description", "details", "id", "type", "length"),
        *("experience", "year", "years", "age", "minutes", "seconds", "duration", "order", "round", "rank"),
        *("rate", "rates", "has", "any", "per"),
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
        *("findings", "impression", "language", "structure", "severity", "location", "detail", "terminology", "logic"),
        *("helpfulness", "consistency", "harm", "harmfulness", "trust", "specificity", "faithfulness", "organization"),
    )
)
_ABBREVIATIONS: Final = frozenset(
    (
        *("pa", "ap", "ll", "ct", "mr", "mg", "nm", "us", "xr", "cr", "dx", "rx", "hx", "tx", "ed", "er", "ge", "iu"),
        *("ce", "fp", "fn", "tp", "tn", "em", "qa", "ci", "id", "no", "na", "gt", "sn", "sp", "se", "sd", "pr", "rc"),
        *("lm", "kg", "rl", "ft", "zs", "fs", "bs", "cb", "rg", "bl", "mt", "sb", "cx", "rs", "hf", "oa"),
        *("ar", "bg", "bn", "cn", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu"),
        *("it", "ja", "jp", "ko", "kr", "lt", "lv", "ms", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "sw"),
        *("ta", "te", "th", "tr", "uk", "ur", "vi", "zh"),
    )
)
"""Pairs of letters in names of columns that may be nobody's initials: of films, measures, metrics and languages."""
_TITLE: Final = "|".join(_PEOPLE)
_PERSON: Final = re.compile(rf"(?:{_TITLE})_?(?:\d{{1,3}}|[a-z])|\d{{1,3}}|[a-z]|(?:{_TITLE})_\w+|\w+_(?:{_TITLE})")
_GENERAL: Final = "|".join(one for one in _PEOPLE if one not in _ROLES)
_PREFIX: Final = re.compile(rf"(?:{_GENERAL})_?(?=(?:\d{{1,3}}|[a-z])$)|(?:{_GENERAL})_(?=\w)")
_CAPITALS: Final = re.compile(r"R_?[A-Z]|DR[A-Z]")
"""Initials rather than reader a's or Dr M's name."""
_SCALE: Final = re.compile(r"\s*[(\[](?:\d+\s*(?:[-–—=:]|to\b)[^()\[\]]*|(?:/|out of)\s*\d+)[)\]]\s*$")
_NUMBERED: Final = (
    RATING_WORDS
    | SCORE_WORDS
    | ERROR_WORDS
    | PREFERENCE_WORDS
    | {"report", "candidate", "prediction", "response", "output", "hypothesis", "system", "model"}
)


def words(column: str) -> list[str]:
    """Words of a column's name as it spells them, parted by anything but letters and digits, or by a capital inside.

    `report1` is two words and `r1` one; a scale behind the name, such as (1-5), is none.
    """
    found = re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _SCALE.sub("", column)))
    return [part for word in found for part in _parted(word)]


def _parted(word: str) -> list[str]:
    match = re.fullmatch(r"([^\W\d]+)(\d+)", word)
    return [match[1], match[2]] if match and match[1].lower() in _NUMBERED else [word]


def plain(column: str) -> str:
    """A column's name in the form in which names are compared."""
    return plain_name("_".join(words(column)))


def is_person(tag: str) -> bool:
    """Whether a part of a column's name says a rater: `r1`, `1`, `reader_a`, `radiologist_smith`; no language model.

    `ra` is reader a, `RM` may be Rose Miller, and then other columns are of people too.
    """
    called = tag.lower()
    return _PERSON.fullmatch(called) is not None and not _CAPITALS.fullmatch(tag) and not is_machine(called)


def are_initials(tag: str) -> bool:
    """Whether a part of a column's name may be a rater's initials, such as `JK`: two capitals, no usual abbreviation.

    Three capitals are more often a method's or a measure's (`DPO`, `NLG`) than a person's.
    """
    letters = re.fullmatch(r"[^\W\d_]{2}", tag) is not None and tag.isupper()
    return letters and tag.lower() not in _ABBREVIATIONS and not is_machine(tag.lower())


def is_machine(tag: str) -> bool:
    """Whether a part of a column's name says a language model: `gpt4`, `judge_llama`."""
    return any(_MACHINES.fullmatch(word) for word in tag.split("_"))


def is_ordinal(tag: str) -> bool:
    """Whether a part of a column's name is but a number or a letter: that of a rater, or of a category."""
    return re.fullmatch(r"\d{1,3}|[a-z]", tag.lower()) is not None


def is_title(word: str) -> bool:
    """Whether a word is what raters are called in general."""
    return word in _PEOPLE or word == "human"


def names_person(column: str) -> bool:
    """Whether a column's name is a rater's and nothing else: `Reader 1`, `radiologist_b`, `r2`."""
    spelt = words(column)
    said = [word.lower() for word in spelt]
    if any(len(word) > 1 and word in SUMMARIES | ASIDES | METRICS | FILLERS for word in said):
        return False
    return is_person("_".join(spelt)) and len("".join(said)) > 1 and not "".join(said).isdigit()


def person(tag: str) -> str:
    """A rater by what tells them apart, so that `r1` and `reader_1` are one."""
    called = tag.lower()
    return (called if _CAPITALS.fullmatch(tag) else _PREFIX.sub("", called)).replace("_", "")


def category_words(rest: Sequence[str], said: bool) -> tuple[list[str], list[str]]:
    """Words that name a category of errors as ReXVal and others call them, and what stands before or behind them.

    Parameters
    ----------
    rest : sequence of str
        Words in lower case, without those that say error or significance.
    said : bool
        Whether the name says that it is of errors: `errors_location` is a category, `location` is none.

    Returns
    -------
    category, around : list of str
        Empty where no category is named.
    """
    if _CATEGORY & set(rest):
        whose = next((at for at, word in enumerate(rest) if re.fullmatch(rf"(?:{_TITLE})\d*", word)), len(rest))
        behind = whose + 1 + (whose < len(rest) and is_title(rest[whose]))
        return [*rest[:whose], *rest[behind:]], list(rest[whose:behind])
    inside = [word in _FAULTS | _KINDS | _BETWEEN for word in rest]
    if not any(inside):
        return [], []
    first, last = inside.index(True), len(inside) - inside[::-1].index(True)
    around, within = [*rest[:first], *rest[last:]], set(rest[first:last])
    if within - _FAULTS - _KINDS - _BETWEEN - _WITHIN:
        return [], []
    named = bool(within & _FAULTS and within & _KINDS) or bool(within & _ALONE)
    if named or (said and bool(within & (_FAULTS | _KINDS))):
        return list(rest[first:last]), around
    return [], []
