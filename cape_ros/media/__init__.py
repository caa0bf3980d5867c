"""Image sources without ROS: photographs in known motion, video files, local cameras."""
