"""A metric as a reward for reinforcement learning, in the form that TRL's GRPO trainer calls.

The value of a completion is what `rrgbench.score` gives for that study alone, so a policy is trained on the number that
it is judged by later. Of clinical efficacy it is the report's own precision, recall or F1 over its observations,
whatever averaging over studies the protocol has.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.metrics.catalogue import entry
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.scoring.options import scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import score_pairs, wanted_metrics

Completion = str | Sequence[Mapping[str, Any]]
Reference = str | Sequence[str]
Reward = Callable[..., list[float]]


def reward(
    metric: str | ExternalMetric,
    protocol: Any = "dcrrg",
    *,
    key: str = "",
    column: str = "references",
    **options: Any,
) -> Reward:
    """A reward function of a metric.

    Parameters
    ----------
    metric : str or ExternalMetric
        A key (`ce_f1`, `rouge_l`, ...) or a plug-in by name or as `rrgbench.load_metric` gives it.
    protocol : str, Path or Protocol
        Which choices to follow, as in `rrgbench.score`.
    key : str
        Which of the metric's values, where it gives several, e.g. `radgraph_f1_partial`.
    column : str
        The data set's column with the reference reports.
    **options
        Other fields of `rrgbench.scoring.options.Scoring`, e.g. `labeler`, `efficacy`, `frequency_reports`.

    Returns
    -------
    callable
        `(completions, references, **other columns) -> list of float`. Completions are texts, or lists of chat messages
        of which the last counts; references a text or several for each completion. It may be called from several
        threads. Its `__name__`, which trainers log it by, is the metric's key. Greater is better: where a metric counts
        errors its values are negated. An empty completion is scored as it is.

    Raises
    ------
    InputError
        If the metric gives several values and `key` names none of them, or a completion's value would depend on the
        others of its batch (CIDEr with document frequencies of the references given).

    Examples
    --------
    >>> f1 = reward("ce_f1", protocol="raw")
    >>> f1(["There is a small effusion."], references=["A large effusion."])
    [1.0]
    >>> messages = [{"role": "assistant", "content": "No effusion."}]
    >>> f1(prompts=["..."], completions=[messages], references=["An effusion."])
    [0.0]
    """
    chosen = scoring(protocol, metrics=[metric], intervals=False, certificate=False, **options)
    own, plug_ins = wanted_metrics(chosen)
    if plug_ins:
        # loaded once, not with every batch
        chosen = chosen.but(metrics=plug_ins)
    entries = {one.key: one for one in [*map(entry, own), *(one for plug_in in plug_ins for one in plug_in.entries)]}
    wanted = _key(list(entries), key)
    if wanted == "cider" and not chosen.frequencies:
        raise InputError(
            "CIDEr weighs words by their frequency in the references given, so a reward would change with its batch; "
            "give a protocol whose frequencies come from other reports, and those (frequency_reports=), "
            "or another metric"
        )
    sign = -1.0 if entries[wanted].better == "lower" else 1.0
    # plug-ins print while others score, and few of their models may be called by two threads at once
    lock = threading.Lock()

    def rewards(completions: Sequence[Completion], references: Any = None, **columns: Any) -> list[float]:
        expected = references if column == "references" else columns.get(column)
        if expected is None:
            raise InputError(
                f"reward {wanted}: the data set has no column {column!r} with the reference reports; it has "
                f"{listed(sorted(columns)) or 'none'}; name it (column=)"
            )
        texts = [_text(completion) for completion in completions]
        if len(expected) != len(texts):
            raise InputError(f"reward {wanted}: {len(texts)} completions but {len(expected)} references; give one each")
        if not texts:
            return []
        told = [(one,) if isinstance(one, str) else one for one in expected]
        wrong = [
            place
            for place, one in enumerate(told)
            if not (isinstance(one, list | tuple) and one and all(isinstance(text, str) for text in one))
        ]
        if wrong:
            raise InputError(f"reward {wanted}: no text or list of texts as reference of rows {listed(wrong)}")
        pairs = ReportPairs(tuple(map(str, range(len(texts)))), tuple(map(tuple, told)), tuple(texts))
        with lock:
            found = score_pairs(pairs, chosen)
        if wanted in found.absent:
            raise InputError(f"reward {wanted}: {found.absent[wanted]}")
        (values,) = (family.values[:, family.keys.index(wanted)] for family in found.families if wanted in family.keys)
        return [sign * float(value) for value in values]

    rewards.__name__ = wanted
    return rewards


def _key(given: Sequence[str], key: str) -> str:
    if key in given or (not key and len(given) == 1):
        return key or given[0]
    raise InputError(f"the metric gives {listed(given)}; say which is the reward (key=), given: {key!r}")


def _text(completion: Completion) -> str:
    """The text of a completion; of chat messages the last one's, whose parts of text are joined."""
    if isinstance(completion, str):
        return completion
    content = completion[-1].get("content") if completion and isinstance(completion[-1], Mapping) else None
    if isinstance(content, list | tuple) and all(isinstance(part, Mapping) for part in content):
        content = "".join(str(part.get("text", "")) for part in content if part.get("type", "text") == "text")
    if not isinstance(content, str):
        raise InputError(
            "a completion is neither a text nor a list of messages whose last has a content; "
            "give texts, or messages as {'role': ..., 'content': ...}"
        )
    return content
