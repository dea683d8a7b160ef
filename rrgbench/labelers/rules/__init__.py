"""The rule-based labeler: a lexicon as data, scopes of negation and doubt, and CheXpert's aggregation."""

from typing import Final

from rrgbench.labelers.rules.labeler import Mention, RulesLabeler, RulesLabeler3

StandardLabeler: Final = RulesLabeler3
"""The version that the shipped protocols name.

Labels of studies, sentences and descriptions are made by it too, so that they are read as clinical efficacy reads them.
"""

__all__ = ["Mention", "RulesLabeler", "StandardLabeler"]
