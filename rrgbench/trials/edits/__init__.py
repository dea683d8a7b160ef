"""Known-answer edits: reports changed in one way, harmless or harmful, and whether a metric sees the difference."""
