"""Templates of the leaderboards' site."""
