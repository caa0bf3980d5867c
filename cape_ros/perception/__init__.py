"""Categories, and the estimation of their keypoints in images; without ROS."""
