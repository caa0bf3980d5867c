"""What a frame costs: `cape lab bench`."""
