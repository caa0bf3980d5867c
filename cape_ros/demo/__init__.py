"""`make demo`: moving images with known truth, a node, and a look at what it found."""
