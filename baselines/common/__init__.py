"""What only the baselines share."""
