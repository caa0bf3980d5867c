"""`make demo`: moving images with known truth, a node, and an evaluation of its results."""
