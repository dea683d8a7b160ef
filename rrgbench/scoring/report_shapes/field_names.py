"""Names of fields: those that tell studies, those that hold reports, and which of a file's is which."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring import report_answers
from rrgbench.scoring.report_shapes.rows import ANY_COLUMNS, Columns, Role
from rrgbench.scoring.report_shapes.shown import shown

_STUDY_IDS: Final = (
    *("study_id", "studyid", "study", "id", "uid", "report_id", "accession", "accession_number"),
    *("study_ids", "ids", "uids"),
)
_FILM_IDS: Final = (
    "image_id",
    "img_id",
    "dicom_id",
    "image",
    "image_path",
    "img_path",
    "filename",
    "file_name",
    "path",
    "image_ids",
    "dicom_ids",
    "filenames",
)
_STANDARD_STUDY_IDS: Final = ("studyinstanceuid", "study_instance_uid", "studyuid", "study_uid")
_STANDARD_FILM_IDS: Final = ("sopinstanceuid", "sop_instance_uid", "image_name", "img_name", "image_index")
_ROW_IDS: Final = ("question_id", "sample_id", "case_id", "exam_id", "custom_id", "key", "index", "idx")
"""What tells rows apart where nothing tells a study or film."""
_LAST_IDS: Final = ("case", "doc_id", "request_id")
_FILM_LISTS: Final = ("images", "image_paths")
"""What tells rows of one film each, where nothing else does."""
_ID_TIERS: Final = (_STUDY_IDS, _STANDARD_STUDY_IDS, _FILM_IDS, _STANDARD_FILM_IDS, _ROW_IDS, _LAST_IDS, _FILM_LISTS)
"""Names of fields that tell studies apart; those of an earlier group come first, since files have several."""
IDS: Final = tuple(chain(*_ID_TIERS))
_REFERENCES: Final = (
    *("reference", "references", "ref", "refs", "reference_report", "gt", "gts", "ground_truth", "groundtruth"),
    *("target", "targets", "original", "original_report", "actual", "gold", "gt_report", "ref_report", "true_report"),
    *("ground_truth_report", "target_report", "real_report", "reference_text", "reference_findings", "gt_findings"),
    *("reference_caption", "gt_caption", "ground_truth_caption"),
)
_SPECIFIC: Final[Mapping[Role, tuple[str, ...]]] = {
    "predictions": (
        *("prediction", "predictions", "pred", "preds", "predicted", "predicted_report", "model_prediction"),
        *("hypothesis", "hypotheses", "hyp", "hyps", "hypo", "generated", "generated_report", "generated_text"),
        *("generation", "output", "outputs", "response", "answer", "completion", "res", "candidate", "decoded"),
        *("pred_report", "gen_report", "model_output", "model_response", "predicted_text", "prediction_text"),
        *("pred_text", "generated_findings", "predicted_findings", "generated_caption", "predicted_caption"),
        *("candidate_report", "candidate_text", "output_text", "decoded_report", "decoded_text"),
    ),
    "references": _REFERENCES,
    "training": _REFERENCES,
}
_GENERAL: Final = ("report", "reports", "text", "caption", "captions", "report_text", "report_impression")
SECTIONS: Final = ("findings", "impression", "section_findings", "section_impression")


def plain_name(name: str) -> str:
    """A field's name without regard of case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def matching(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of some names that are wanted, as they are spelt."""
    plain = {plain_name(want) for want in wanted}
    return [name for name in names if plain_name(name) in plain]


def usual_names(role: Role) -> tuple[str, ...]:
    """How fields of a role's texts are usually called, those that say the role first."""
    return (*_SPECIFIC[role], *_GENERAL)


def names_report(header: Sequence[str], columns: Columns = ANY_COLUMNS) -> bool:
    """Whether a header names a column of predicted reports, by a usual name or the one that `columns` gives."""
    usual = (*usual_names("predictions"), *SECTIONS)
    return bool(matching(header, usual if columns.report is None else [columns.report]))


def names_text(header: Sequence[str]) -> bool:
    """Whether a row of cells names a text, and so is a header."""
    texts = {*_GENERAL, *SECTIONS, *_SPECIFIC["predictions"], *_SPECIFIC["references"], *report_answers.FIELDS}
    return any(plain_name(cell) in texts for cell in header)


def names_study(header: Sequence[str]) -> bool:
    """Whether a row of cells names what tells studies or films, rather than rows of some kind."""
    return bool(matching(header, (*_STUDY_IDS, *_STANDARD_STUDY_IDS, *_FILM_IDS, *_STANDARD_FILM_IDS)))


def id_fields(names: Sequence[str]) -> list[str]:
    """Those fields that may tell studies apart by their usual names, of the surest names that are there."""
    return next(filter(None, (matching(names, tier) for tier in _ID_TIERS)), [])


def nameless(names: Sequence[str], text_field: str) -> list[str]:
    """Columns without a name, as pandas writes its index."""
    return [name for name in names if name != text_field and re.fullmatch(r"\s*|unnamed: \d+", name.lower())]


def field_of_texts(place: str, names: Sequence[str], role: Role, columns: Columns) -> tuple[str, str]:
    """The field that holds the reports, and what was understood where that is not certain."""
    if columns.report is not None and (named := matching(names, [columns.report])):
        return named[0], ""
    other: Role = "references" if role == "predictions" else "predictions"
    specific, general = matching(names, _SPECIFIC[role]), matching(names, _GENERAL)
    fields = listed(map(shown, names), most=8)
    read = [one for one in report_answers.FIELDS if role == "predictions" or one not in report_answers.ONLY_ANSWERS]
    answers = [matching(names, [one]) for one in read]
    for found in (specific, general, matching(names, SECTIONS), *answers):
        if len(found) > 1:
            raise InputError(
                f"{place}: the report may be in {listed(map(shown, found))}; say which with --report-column NAME"
            )
        if found:
            # of answers, lm-eval has its own and the filtered ones side by side
            conversations = chain(*answers) if found not in answers else ()
            others = (*general, *matching(names, _SPECIFIC[other]), *conversations)
            beside = [name for name in others if name not in found]
            note = f"{role} are read from {shown(found[0])}, not from {listed(map(shown, beside))}" if beside else ""
            return found[0], f"{note} (--report-column NAME takes another)" if note else ""
    if matching(names, _SPECIFIC[other]):
        raise InputError(f"{place}: no {role} but {other}; fields are: {fields}; name one with --report-column")
    raise InputError(f"{place}: no report; fields are: {fields}; name the right one with --report-column")


def field_of_ids(place: str, names: Sequence[str], text_field: str, columns: Columns) -> str | None:
    """The field that tells studies apart; None where no field is left that may. InputError where it isn't certain."""
    if columns.study_id is not None and (named := matching(names, [columns.study_id])):
        return named[0]
    if matching(names, ["custom_id"]) and matching(names, _STUDY_IDS) == matching(names, ["id"]):
        # an OpenAI server's batches have an id of each answer beside the id that was given
        return matching(names, ["custom_id"])[0]
    if plain_name(text_field) in ("caption", "captions") and matching(names, ["image_id"]):
        # COCO's annotations have an id of their own
        return matching(names, ["image_id"])[0]
    found = id_fields(names)
    if len(found) > 1:
        raise InputError(
            f"{place}: the study may be told by {listed(map(shown, found))}; say which with --id-column NAME"
        )
    if found:
        return found[0]
    texts = matching(names, (*_GENERAL, *_SPECIFIC["predictions"], *_SPECIFIC["references"]))
    others = [name for name in names if name != text_field and name not in (*nameless(names, text_field), *texts)]
    if others:
        fields = listed(map(shown, names), most=8)
        raise InputError(f"{place}: no study_id; fields are: {fields}; name the right one with --id-column")
    return None


def study_field(names: Sequence[str]) -> str | None:
    """The field that tells studies apart where predictions are read; None where there is none, or no certain one."""
    try:
        text_field, _ = field_of_texts("", names, "predictions", ANY_COLUMNS)
    except InputError:
        # a table of probabilities has no text
        text_field = ""
    try:
        return field_of_ids("", names, text_field, ANY_COLUMNS)
    except InputError:
        return None
