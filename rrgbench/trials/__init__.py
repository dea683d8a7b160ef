"""Trials of metrics: how far each agrees with radiologists, and which known errors it is blind to."""
