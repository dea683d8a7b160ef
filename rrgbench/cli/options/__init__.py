"""Groups of options that several commands share: one file a group."""
