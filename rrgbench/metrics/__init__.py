"""(references, hypotheses | scores, labels) to per-study statistics to values; no files, no models."""
