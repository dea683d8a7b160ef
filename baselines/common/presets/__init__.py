"""Training presets of the baselines."""
