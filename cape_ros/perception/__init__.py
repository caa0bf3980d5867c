"""Categories, and where their keypoints are in an image. Knows NumPy and PyTorch, and no ROS."""
