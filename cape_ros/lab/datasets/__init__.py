"""Annotated images in the MP-100 format."""
