"""Leaderboards: entries that carry how their numbers were made, and the site built from them."""
