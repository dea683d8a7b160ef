"""Figures of a run: one style, a file a subject."""
