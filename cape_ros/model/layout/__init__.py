"""Where the support's keypoints lie together: votes, rotations, deformation; not in the paper."""
