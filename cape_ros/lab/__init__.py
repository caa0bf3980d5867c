"""Data sets, baselines, evaluation, training and benchmarks; not needed on a robot."""
