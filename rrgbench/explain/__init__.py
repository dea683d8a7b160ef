"""What a model says of one study, beside its reference."""
