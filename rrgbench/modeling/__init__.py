"""What trainable models share: encoders, tokenizer, beam search."""
