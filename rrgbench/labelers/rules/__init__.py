"""The rule-based labeler: a lexicon as data, scopes of negation and doubt, and CheXpert's aggregation."""

from rrgbench.labelers.rules.labeler import Mention
from rrgbench.labelers.rules.version1.labeler import RulesLabeler1 as RulesLabeler

__all__ = ["Mention", "RulesLabeler"]
