"""What all engines share: which options go where, what is refused, one budget, and the worker."""
