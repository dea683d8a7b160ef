"""Runs: records of measured values, units of work, the store they are kept in, drift between two runs."""
