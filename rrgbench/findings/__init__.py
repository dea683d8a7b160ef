"""Reports as findings, and what two reports disagree about: the metric `findings_f1`."""

from rrgbench.findings.finding import Finding
from rrgbench.findings.matching import Comparison, Costs, Disagreement, compare_findings
from rrgbench.findings.metric import FindingsF1
from rrgbench.findings.reading import read_findings

__all__ = ["Comparison", "Costs", "Disagreement", "Finding", "FindingsF1", "compare_findings", "read_findings"]
