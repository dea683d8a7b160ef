"""The phantom: a procedural chest radiograph and report generator, the corpus that needs no download."""

from rrgbench.data.phantom.corpus import (
    GENERATOR_VERSION,
    FollowUpStudy,
    PhantomStudy,
    load,
    load_b,
    load_followup,
    load_hard,
)
from rrgbench.data.phantom.film import PhantomFilm

__all__ = [
    "GENERATOR_VERSION",
    "FollowUpStudy",
    "PhantomFilm",
    "PhantomStudy",
    "load",
    "load_b",
    "load_followup",
    "load_hard",
]
