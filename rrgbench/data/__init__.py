"""Studies, corpora and one reader per data set; nothing heavy is imported here."""
