"""A metric, a task, a model, a corpus, a labeler, a protocol, a variant and claims, each in a file of its own."""
