"""How the network runs: crops, batches, and the fast ways of each device."""
