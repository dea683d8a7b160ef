"""METEOR 1.5 without Java: what pycocoevalcap's jar computes with `-l en -norm`."""

from rrgbench.metrics.meteor.metric import Meteor

__all__ = ["Meteor"]
