"""The HTTP API of Studio."""
