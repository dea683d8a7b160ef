"""Records of a full run, made up, and their page: what tests of pages share."""

from rrgbench.observations import OBSERVATIONS
from rrgbench.render.record_tables import tables
from rrgbench.render.run_figures import run_figures
from rrgbench.render.run_page import PageParts, run_page
from rrgbench.render.run_summary import run_summary
from rrgbench.render.verdict import verdict
from rrgbench.runs.records import Record
from rrgbench.tasks.base import table_descriptions

HOSTILE = "<script>alert(1)</script> & $x$ _\x1b[31m"


def records_of(*models: str) -> list[Record]:
    """All that a full run measures, with values that differ between models."""
    found: list[Record] = []
    for rank, model in enumerate(models):

        def add(task: str, metric: str, value: float, model: str = model, **fields: object) -> None:
            low, high = value - 0.05, value + 0.05
            found.append(Record(task, model, "phantom@1", "test", metric, value=value, low=low, high=high, **fields))

        add("report_generation", "bleu_4", 0.1 + 0.01 * rank, n=100)
        add("clinical_efficacy", "ce_f1", 0.5 + 0.01 * rank, setting="micro", n=100)
        for place, observation in enumerate(OBSERVATIONS):
            add("clinical_efficacy", "ce_f1", 0.2 + 0.05 * place, observation=observation, n=place)
            add("classification", "auroc", 0.6 + 0.02 * place, observation=observation, setting="own", n=place)
        for k in (1, 5):
            add("retrieval", "precision_at_k", 0.4 + 0.01 * k, k=k)
        add("retrieval", "chance_precision", 0.2)
        for setting in ("linear", "finetune"):
            for fraction in (0.01, 0.1, 1.0):
                add("classification", "auroc", 0.7 + 0.1 * fraction, setting=setting, fraction=fraction)
        for setting in ("observations", "studies"):
            add("error_correlation", "pearson", 0.3, setting=setting)
    return found


def page_of(records: list[Record]) -> str:
    descriptions = table_descriptions()
    made = tables(records, descriptions)
    found = [verdict(records, {}, descriptions, records[0].model)]
    parts = PageParts(("Synthetic",), "rrgbench eval", tuple(one for one in found if one is not None))
    return run_page(run_summary(records, descriptions), made, run_figures(records), parts)
