"""The order in which studies are scored: that of their ids, whatever order a file has them in.

Resamples draw studies by their place, and signatures digest references in their order: two copies of one file whose
rows are shuffled must not differ in an interval or in a signature.
"""

import re
from dataclasses import replace

import numpy as np

from rrgbench.scoring.options import ReferenceLabels
from rrgbench.scoring.report_files import ReportPairs


def in_order_of_ids(
    pairs: ReportPairs, labels: ReferenceLabels | None = None
) -> tuple[ReportPairs, ReferenceLabels | None]:
    """Pairs, and labels by their rows, in the order of the ids: `CXR2` before `CXR10`.

    Examples
    --------
    >>> pairs, _ = in_order_of_ids(ReportPairs(("CXR10", "CXR2"), (("a",), ("b",)), ("c", "d")))
    >>> pairs.study_ids, pairs.hypotheses
    (('CXR2', 'CXR10'), ('d', 'c'))
    """
    rows = sorted(range(len(pairs.study_ids)), key=lambda row: id_place(pairs.study_ids[row]))
    if rows == list(range(len(rows))):
        return pairs, labels
    ordered = replace(
        pairs,
        study_ids=tuple(pairs.study_ids[row] for row in rows),
        references=tuple(pairs.references[row] for row in rows) if pairs.references else (),
        hypotheses=tuple(pairs.hypotheses[row] for row in rows),
    )
    if labels is None or len(labels.values) != len(rows):
        return ordered, labels  # of another length, which is refused where they are compared
    known = None if labels.known is None else np.asarray(labels.known)
    by_study = known is not None and known.ndim == 2 and len(known) == len(rows)
    return ordered, replace(
        labels, values=np.asarray(labels.values)[rows], known=known[rows] if known is not None and by_study else known
    )


def id_place(study_id: str) -> tuple[list[tuple[int, str]], str]:
    """Where an id stands among others: numbers by their value; ids that differ in leading zeros alone by their text."""
    numbers = re.split(r"(\d+)", study_id)
    plain = (part.lstrip("0") if place % 2 else part for place, part in enumerate(numbers))
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(plain)], study_id
