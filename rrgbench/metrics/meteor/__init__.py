"""METEOR 1.5 without Java: what pycocoevalcap's jar computes with `-l en -norm`."""

from rrgbench.metrics.meteor.metric import Meteor
from rrgbench.metrics.meteor.resources import load_resources

__all__ = ["Meteor", "load_resources"]
