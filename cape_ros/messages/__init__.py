"""Between messages and arrays, whichever library made the classes of the messages: no ROS here."""
