"""Training with Lightning: the module, the trainer, checkpoints that resume to the bit, the device."""
