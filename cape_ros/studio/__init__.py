"""Studio: a web page on the robot to watch its cameras, mark keypoints and register categories.

A front end like the others: it hands commands to the server and shows results. `page/` is what
the browser runs; everything it needs is served from here.
"""
