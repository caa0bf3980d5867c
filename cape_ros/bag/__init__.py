"""Recordings of rosbag2, read and written without ROS."""
