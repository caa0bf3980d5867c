"""Errors, image files, optional packages: used by every package, importing none of them."""
