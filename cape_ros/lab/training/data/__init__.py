"""Training data: episodes of annotated, warped and procedural objects."""
