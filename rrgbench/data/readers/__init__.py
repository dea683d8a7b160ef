"""Readers of corpora in their official layouts, one file a data set."""
