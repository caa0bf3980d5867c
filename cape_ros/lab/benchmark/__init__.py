"""Benchmarks of inference and registration: `cape lab bench`."""
