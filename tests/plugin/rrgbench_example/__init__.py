"""A metric, a task, a model, a corpus, a labeler and a protocol, each in a file of its own."""
