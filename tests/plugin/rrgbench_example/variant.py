"""A variant of DCRRG: model 6b of the paper with a wider beam."""

from dcrrg.variants import Variant

WIDE_BEAM = Variant("6b-wide-beam", (1, 2, 3, 4), "prompt", changes={"model": {"beams": 5}})
