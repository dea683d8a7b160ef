"""Reading films: decoding, caching, checks, fingerprints."""
