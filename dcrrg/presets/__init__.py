"""Training presets."""
