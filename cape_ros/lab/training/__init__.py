"""Training: episodes of annotated pairs, warped photographs and procedural objects."""
