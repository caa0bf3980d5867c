"""How the shipped weights are made: episodes of real pairs and of warped photographs."""
