"""Views, scenes and orbits rendered from meshes, with exact truth."""
