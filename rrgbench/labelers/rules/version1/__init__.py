"""`rules@1`, kept as it was, so that figures made with it can be made again; it no longer changes."""
