"""What a frame costs: `cape bench`."""
