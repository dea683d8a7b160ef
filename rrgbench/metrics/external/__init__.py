"""Metrics that other packages own."""
