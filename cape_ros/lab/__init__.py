"""Research: data sets, baselines, evaluation, training, benchmarks. A robot needs none of it."""
