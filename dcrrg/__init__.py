"""DCRRG, the reference model: one file per idea of the paper."""
