"""Baselines: one file per system."""
