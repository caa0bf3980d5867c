"""`cape demo --grasp`: a simulated arm takes what the node finds, from one image of the object."""
