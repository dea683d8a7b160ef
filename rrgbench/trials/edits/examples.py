"""The worst examples of a metric: harmful edits that it scores highest above a harmless one of the same report."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from rrgbench.errors import InputError
from rrgbench.render.table import Table, plain_table
from rrgbench.trials.edits.trial import EditTrial


@dataclass(frozen=True)
class Example:
    """A report beside a harmless and a harmful edit of it, with the scores that a metric gives them."""

    study_id: str
    reference: str
    harmless: str
    harmless_edit: str
    harmless_score: float
    harmful: str
    harmful_edit: str
    harmful_score: float

    @property
    def gap(self) -> float:
        """How much higher the harmful edit scores; as the metric counts."""
        return self.harmful_score - self.harmless_score


def worst_examples(trial: EditTrial, key: str, most: int) -> list[Example]:
    """The worst examples of a metric, one at most for each harmful edit and for each report.

    Raises
    ------
    InputError
        If the trial has no such metric.
    """
    keys = [one.key for one in trial.entries]
    if key not in keys:
        raise InputError(f"the trial has no metric {key}; it has {', '.join(keys)}")
    column = trial.oriented[:, keys.index(key)]
    found: dict[int, tuple[float, int, int, int]] = {}
    for edit in trial.harmful:
        pairs = [
            # of equal differences the one in the shorter report, which is sooner read
            (float(column[row] - column[other]), -len(draft.text), row, other)
            for study, draft in enumerate(trial.drafts)
            if study not in found
            for row in trial.rows.get((study, edit.name), [])[:1]
            for harmless in trial.edits
            if not harmless.harmful
            for other in trial.rows.get((study, harmless.name), [])
        ]
        if pairs and (worst := max(pairs))[0] >= 0:
            found[trial.variants[worst[2]].study] = worst
    chosen = sorted(found.values(), reverse=True)[:most]
    scores = trial.scores[:, keys.index(key)]
    return [
        Example(
            trial.drafts[trial.variants[row].study].study_id,
            trial.drafts[trial.variants[row].study].text,
            trial.variants[other].text,
            trial.variants[other].edit,
            float(scores[other]),
            trial.variants[row].text,
            trial.variants[row].edit,
            float(scores[row]),
        )
        for _, _, row, other in chosen
    ]


def examples_table(trial: EditTrial, key: str, most: int) -> Table:
    """The worst examples side by side; what differs from the reference stands in [brackets]."""
    title = next((one.title for one in trial.entries if one.key == key), key)
    rows = [
        (
            f"{one.harmful_edit} {one.harmful_score:.3f} >= {one.harmless_edit} {one.harmless_score:.3f}",
            [one.reference, marked(one.reference, one.harmless), marked(one.reference, one.harmful)],
        )
        for one in worst_examples(trial, key, most)
    ]
    return plain_table(f"Worst examples of {title}", "scores", ["reference", "harmless", "harmful"], rows)


def marked(reference: str, other: str) -> str:
    """A text with what differs from the reference in brackets; `[...]` where something is left out.

    Examples
    --------
    >>> marked("a small left effusion.", "a large effusion.")
    'a [large] effusion.'
    """
    before, after = (re.findall(r"\S+", text) for text in (reference, other))
    parts = []
    for kind, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        words = " ".join(after[start:end])
        parts.append(words if kind == "equal" else f"[{words or '...'}]")
    return " ".join(filter(None, parts))
