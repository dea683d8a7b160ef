"""Suites: which tasks with which parameters."""
