"""Bootstrap intervals, paired tests, multiple-comparison control, correlation."""
