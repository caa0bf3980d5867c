"""Geometry of all keypoints together: layout votes, rotations, deformation; not in the paper."""
