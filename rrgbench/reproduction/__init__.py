"""Printed figures: which choices made them, and whether they can be made again."""
