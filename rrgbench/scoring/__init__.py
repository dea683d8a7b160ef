"""Report files in, numbers with signatures and intervals out."""
