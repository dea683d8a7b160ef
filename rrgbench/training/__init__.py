"""Training: settings, stages, the chain of stages, data, items, augmentation, probing."""
