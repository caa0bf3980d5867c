"""What every other part stands on, and what stands on no other part."""
