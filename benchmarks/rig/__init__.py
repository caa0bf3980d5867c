"""What `benchmarks/node.py` is made of: the node with another network, a camera, and a robot."""
