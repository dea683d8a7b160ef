"""The plug-ins that ship with us, each over its own package.

Most come from RadEval (jbdel/RadEval), which keeps them running on current transformers, where RadGraph's
own package fails (`docs/metrics.md`). Its classes are called directly, not through its facade, because the facade takes
no weights and silences warnings for the whole process.

Where a package compares with one reference only, it gets each study's first, like clinical efficacy.
"""

import math
import sys
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rrgbench.errors import InputError
from rrgbench.metrics.catalogue import Better, Entry
from rrgbench.metrics.external.plug_in import Loaded, PlugIn

RADEVAL: Final = "pip install 'rrgbench[radeval]'"


def _where_written(
    references: list[list[str]],
    hypotheses: list[str],
    score: Callable[[list[list[str]], list[str]], ArrayLike],
    blank: ArrayLike,
) -> NDArray[np.float64]:
    """Scores of the studies with text on both sides, and `blank` for the others, which packages trip over."""
    written = [[text for text in study if text.strip()] for study in references]
    rows = [row for row, study in enumerate(written) if study and hypotheses[row].strip()]
    values = np.tile(np.asarray(blank, dtype=np.float64), (len(hypotheses), 1))
    if rows:
        found = np.asarray(score([written[row] for row in rows], [hypotheses[row] for row in rows]), dtype=np.float64)
        if len(found) != len(rows):
            raise InputError(f"the package gave {len(found)} scores for {len(rows)} studies with text on both sides")
        values[rows] = found.reshape(len(rows), -1)
    return values


def _first(references: list[list[str]]) -> list[str]:
    return [study[0] for study in references]


def load_bertscore(model: str = "roberta-large", layers: str = "", rescale: str = "no", baseline: str = "") -> Loaded:
    """BERTScore F1 (Zhang et al., ICLR 2020) over `bert-score`, without IDF weights.

    Parameters
    ----------
    model : str
        Hub id or folder of the encoder.
    layers : str
        Which layer's embeddings are compared; the package's own choice for the models that it knows.
    rescale : {"no", "yes"}
        Whether to rescale with the package's English baseline of that model, or with `baseline`.
    baseline : str
        A baseline file in the package's format, for models of which it has none.

    Notes
    -----
    Of several references the best counts. A blank report has a raw score of 0, as the package says; it is not handed
    over, because the package can't tokenize it on transformers 5.
    """
    from bert_score import BERTScorer
    from bert_score.utils import model2layers

    if rescale not in ("no", "yes"):
        raise InputError(f"bertscore's option rescale is {rescale!r}; expected yes or no")
    if not layers and model not in model2layers:
        raise InputError(f"bertscore needs the option layers: bert-score has no choice of its own for {model!r}")
    if layers and not layers.isdecimal():
        raise InputError(f"bertscore's option layers is {layers!r}; expected a whole number")
    scorer = BERTScorer(
        model_type=model,
        num_layers=int(layers) if layers else None,
        lang="en",
        rescale_with_baseline=rescale == "yes",
        baseline_path=baseline or None,
    )
    lowest = float(scorer.baseline_vals[2]) if rescale == "yes" else 0.0

    def best_f1(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        found: ArrayLike = scorer.score(hypotheses, references)[2].numpy()
        return found

    settings = {"model": model, "layers": str(scorer.num_layers)}
    if rescale == "yes":
        settings["baseline"] = baseline or "en"
    return Loaded(lambda refs, hyps: _where_written(refs, hyps, best_f1, -lowest / (1.0 - lowest)), settings)


def load_radgraph(model: str = "radgraph-xl", folder: str = "") -> Loaded:
    """RadGraph F1 (Jain et al., 2021; Delbrouck et al., 2022), its three reward levels; a blank report scores 0.

    Parameters
    ----------
    model : {"radgraph-xl", "radgraph", "modern-radgraph-xl", "echograph"}
        Which annotator.
    folder : str
        A folder that holds a folder of the model's name with `config.json`, `weights.th` and `vocabulary`; the
        package's cache, filled from the hub, by default.
    """
    _radeval_by_its_former_name()
    from radeval.metrics.radgraph import F1RadGraph

    annotator = F1RadGraph(reward_level="all", model_type=model, model_cache_dir=folder or None)

    def levels(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        _, by_level, _, _ = annotator(refs=_first(references), hyps=hypotheses)
        return np.array(by_level, dtype=np.float64).T

    settings = {"model": f"{folder}/{model}" if folder else model}
    return Loaded(lambda refs, hyps: _where_written(refs, hyps, levels, [0.0, 0.0, 0.0]), settings)


def load_ratescore(
    ner: str = "Angelakeke/RaTE-NER-Deberta", embedder: str = "FremyCompany/BioLORD-2023-C", affinity: str = "long"
) -> Loaded:
    """RaTEScore (Zhao et al., EMNLP 2024); a blank report scores 0.5, the package's value for text without entities.

    Parameters
    ----------
    ner, embedder : str
        Hub ids or folders of the entity recognizer and of the entities' encoder.
    affinity : {"long", "short"}
        The package's weights of entity types, for long or short reports.
    """
    from radeval.metrics.RaTEScore import RaTEScore

    if affinity not in ("long", "short"):
        raise InputError(f"ratescore's option affinity is {affinity!r}; expected long or short")
    scorer = RaTEScore(bert_model=ner, eval_model=embedder, affinity_matrix=affinity)

    def rates(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        found: ArrayLike = scorer.compute_score(candidate_list=hypotheses, reference_list=_first(references))[0]
        return found

    settings = {"ner": ner, "embedder": embedder, "affinity": affinity}
    return Loaded(lambda refs, hyps: _where_written(refs, hyps, rates, 0.5), settings)


def load_radcliq() -> Loaded:
    """RadCliQ-v1 (Yu et al., 2023): an estimate of the number of errors, so less is better.

    Notes
    -----
    ReXrank and RadEval print the reciprocal of the mean; ours is the mean itself, which has an interval and a test.
    Its BERTScore part weights words by their frequency in all references given, which the bootstrap keeps fixed.
    """
    _radeval_by_its_former_name()
    from radeval.metrics.RadCliQv1.radcliq import CompositeMetric

    composite = CompositeMetric()
    scored: list[list[str]] = []

    def errors(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        first = _first(references)
        # The package keeps its word frequencies by the list's address: the last list must live until this one is made.
        scored[:] = [first]
        found: ArrayLike = composite.predict(first, hypotheses)[1]
        return found

    return Loaded(errors, {"variant": "v1"})


def load_green(model: str = "StanfordAIMI/GREEN-radllama2-7b") -> Loaded:
    """GREEN (Ostmeier et al., EMNLP Findings 2024): a language model counts matched findings and errors.

    Parameters
    ----------
    model : str
        Hub id or folder of the judge. The package runs the code that comes with the weights.
    """
    from radeval.metrics.green_score.green import GREEN

    judge = GREEN(model)

    def greens(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        # None where the answer could not be read: NaN, which scoring refuses with the studies' ids
        return np.array(judge(_first(references), hypotheses)[2], dtype=np.float64)

    return Loaded(greens, {"model": model})


def load_crimson(
    model: str = "rajpurkarlab/medgemma-4b-it-crimson", backend: str = "hf", batch_size: str = "1"
) -> Loaded:
    """CRIMSON (arXiv 2603.06183) by the authors' package: their model, prompt and score.

    Parameters
    ----------
    model : str
        Hub id or folder of the judge.
    backend : {"hf", "vllm"}
        What runs it.
    batch_size : str
        Studies at a time.
    """
    from CRIMSON import CRIMSONScore

    if backend not in ("hf", "vllm"):
        raise InputError(f"crimson_medgemma's option backend is {backend!r}; expected hf or vllm")
    if not batch_size.isdecimal() or not int(batch_size):
        raise InputError(f"crimson_medgemma's option batch_size is {batch_size!r}; expected a whole number from 1")
    judge = CRIMSONScore(api=backend, model_name=model)

    def crimsons(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        found = judge.evaluate_batch(_first(references), hypotheses, batch_size=int(batch_size))
        # None where the answer could not be read: NaN, which scoring refuses with the studies' ids
        return np.array([np.nan if one is None else one["crimson_score"] for one in found])

    return Loaded(crimsons, {"model": model, "backend": backend})


def load_srr_bert(model: str = "leaves_with_statuses") -> Loaded:
    """SRR-BERT (Delbrouck et al., ACL 2025): precision, recall and F1 of a report's findings.

    Parameters
    ----------
    model : {"leaves", "upper", "leaves_with_statuses", "upper_with_statuses"}
        Which findings, fine or coarse, and whether present, absent and uncertain are told apart; RadEval's choice.

    Notes
    -----
    Ours is the mean over studies; RadEval prints an average over findings, weighted by how often each occurs.
    """
    import nltk
    from radeval.metrics.SRRBert.srr_bert import SRRBert

    if model not in SRRBert.MODEL_CONFIGS:
        raise InputError(f"srr_bert's option model is {model!r}; expected one of {', '.join(SRRBert.MODEL_CONFIGS)}")
    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError:
        nltk.download("punkt_tab", quiet=True)
    judge = SRRBert(model_type=model)

    def statuses(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        _, precision, recall, f1 = judge.evaluate(_first(references), hypotheses)
        return np.stack([precision, recall, f1], axis=1)

    return Loaded(statuses, {"model": model})


def load_temporal_f1() -> Loaded:
    """Temporal entity F1 (Zhang et al., Libra, ACL Findings 2025): words of change that both reports have.

    Notes
    -----
    Of several references the words of all count, as the package has it. Two reports without such a word score 1.
    """
    from radeval.metrics.f1temporal.f1temporal import F1Temporal

    def change(references: list[list[str]], hypotheses: list[str]) -> ArrayLike:
        found: ArrayLike = F1Temporal(predictions=hypotheses, references=references)["sample_scores"]
        return found

    return Loaded(change)


def _radeval_by_its_former_name() -> None:
    """Let RadEval's copy of RadGraph find itself.

    RadEval 2.2.1 is installed as `radeval`, but that copy still imports `RadEval`, the name before 2.1 (its issue 27).
    """
    import radeval

    sys.modules.setdefault("RadEval", radeval)


def _entry(key: str, title: str, low: float = 0.0, high: float = 1.0, better: Better = "higher") -> Entry:
    return Entry(key, title, "plug-in", low, high, better, drift_tolerance=5e-3)


BERTSCORE: Final = PlugIn(
    entries=(_entry("bertscore", "BERTScore", -math.inf),),
    load=load_bertscore,
    package="bert-score",
    get="pip install 'rrgbench[bertscore]'",
    weights="roberta-large from the hub, or another encoder by the options model (hub id or folder) and layers",
)
RADGRAPH: Final = PlugIn(
    entries=(
        _entry("radgraph_f1_simple", "RadGraph F1 simple"),
        _entry("radgraph_f1_partial", "RadGraph F1 partial"),
        _entry("radgraph_f1_complete", "RadGraph F1 complete"),
    ),
    load=load_radgraph,
    package="radeval",
    get=RADEVAL,
    weights="radgraph-xl from the hub (StanfordAIMI/RRG_scorers, and its tokenizer), or the option folder",
)
RATESCORE: Final = PlugIn(
    entries=(_entry("ratescore", "RaTEScore"),),
    load=load_ratescore,
    package="radeval",
    get="pip install 'rrgbench[ratescore]'",
    weights="RaTE-NER-Deberta and BioLORD-2023-C from the hub, or the options ner and embedder",
)
RADCLIQ: Final = PlugIn(
    entries=(_entry("radcliq", "RadCliQ-v1", -math.inf, math.inf, "lower"),),
    load=load_radcliq,
    package="radeval",
    get=RADEVAL,
    weights="RadGraph and CheXbert (StanfordAIMI/RRG_scorers), bert-base-uncased and distilroberta-base from the hub",
)
GREEN_SCORE: Final = PlugIn(
    entries=(_entry("green", "GREEN"),),
    load=load_green,
    package="radeval",
    get=RADEVAL,
    weights="GREEN-radllama2-7b from the hub (7 billion parameters, runs the repository's code), or the option model",
    judge=True,
)
CRIMSON_MEDGEMMA: Final = PlugIn(
    entries=(_entry("crimson_medgemma", "CRIMSON (MedGemma)", -1.0),),
    load=load_crimson,
    package="crimson-score",
    get="pip install 'rrgbench[crimson]'",
    weights="medgemma-4b-it-crimson from the hub (4 billion parameters), or the option model",
    judge=True,
)
SRR_BERT: Final = PlugIn(
    entries=(
        _entry("srr_bert_precision", "SRR-BERT precision"),
        _entry("srr_bert_recall", "SRR-BERT recall"),
        _entry("srr_bert_f1", "SRR-BERT F1"),
    ),
    load=load_srr_bert,
    package="radeval",
    get=RADEVAL,
    weights="SRR-BERT of the option model (StanfordAIMI) and the tokenizer of BiomedVLP-CXR-BERT-general from the hub",
)
TEMPORAL_F1: Final = PlugIn(
    entries=(_entry("temporal_f1", "temporal F1"),),
    load=load_temporal_f1,
    package="radeval",
    get=RADEVAL,
    weights="Stanza's radiology models, which Stanza fetches",
)
