"""Registered categories on disk, and annotation files."""
