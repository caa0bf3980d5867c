"""Images from outside ROS: photographs in known motion, video files, cameras of this machine."""
