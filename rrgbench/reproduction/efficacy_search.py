"""Which choices of clinical efficacy make printed precision, recall and F1 from given outputs.

Labeler, the text that it reads, averaging, what uncertain counts as and 14 or 5 observations are tried in all
combinations. Reports are labelled once for each labeler and text; all else is counting.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final, Literal, get_args

import numpy as np

from rrgbench.labelers import LABELERS, Labeler, load
from rrgbench.labelers.lookup import remembering
from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy, Uncertainty
from rrgbench.reproduction.figures import Figure
from rrgbench.reproduction.search import Combination, Search, distance
from rrgbench.scoring.options import scoring
from rrgbench.scoring.protocols import Protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import looked_up
from rrgbench.scoring.texts import PreparedReports

_SIZES: Final[tuple[Literal[14, 5], ...]] = (14, 5)


def search_efficacy(
    pairs: ReportPairs,
    printed: Mapping[str, Figure],
    stated: Protocol,
    training_reports: Sequence[str] = (),
    labelers: Sequence[str | Labeler] = (),
) -> Search:
    """Try choices of clinical efficacy until one makes all printed digits.

    Parameters
    ----------
    pairs : ReportPairs
        References as the corpus has them, and the outputs.
    printed : mapping of str to Figure
        By metric key: `ce_precision`, `ce_recall`, `ce_f1`, or some of them.
    stated : Protocol
        Where the search starts, and what its result is told apart from.
    training_reports : sequence of str
        For its vocabulary.
    labelers : sequence of str or Labeler
        Tried beside the stated one and every version of `rules`: by name, `lookup:FILE`, or loaded.

    Returns
    -------
    Search
    """
    known = [stated.labeler, *(name for name in LABELERS.names() if name.startswith("rules@")), *labelers]
    tools = {tool.identity: tool for tool in (load(one) if isinstance(one, str) else one for one in known)}
    found: list[Combination] = []
    own = load(stated.labeler).identity
    texts = dict.fromkeys((stated.labelled_text, "cleaned", "as given"))
    for (identity, tool), text in product(tools.items(), texts):
        named = stated.labeler if identity == own else identity
        protocol = stated.model_copy(update={"labelled_text": text, "labeler": named})
        labelled = remembering(tool)
        allow = ("empty", "vocabulary")
        options = scoring(stated.model_copy(update={"labelled_text": text}), labeler=labelled, allow=allow)
        options, labels = looked_up(pairs, options.but(training_reports=tuple(training_reports)), None)
        prepared = PreparedReports(pairs, options, labels)
        expected, given = prepared.labelled
        everyone = np.ones((1, len(given)))
        for averaging, uncertain, observations in product(get_args(Averaging), get_args(Uncertainty), _SIZES):
            metric = ClinicalEfficacy(averaging, observations, uncertain)
            values = metric.aggregate(metric.statistics(expected, given), everyone)[0]
            choices = {"averaging": averaging, "uncertain": uncertain, "observations": observations}
            one = Combination(
                protocol.model_copy(update=choices), dict(zip(metric.keys, map(float, values), strict=True)), printed
            )
            found.append(one)
    found.sort(key=lambda one: (one.misses, distance(one.protocol, stated)))
    fits = tuple(one for one in found if one.misses == 0.0)
    return Search(stated, fits, found[0], len(found))
