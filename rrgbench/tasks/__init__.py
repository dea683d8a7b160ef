"""Tasks: model x corpus -> records."""
