"""The rule-based labeler: a lexicon as data, scopes of negation and doubt, and CheXpert's aggregation."""

from rrgbench.labelers.rules.labeler import Mention, RulesLabeler

__all__ = ["Mention", "RulesLabeler"]
