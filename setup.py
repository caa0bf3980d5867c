"""The files outside of the Python packages; all else about the pip package is in pyproject.toml.

The ROS 2 package of the same name is built by CMakeLists.txt.
"""

from glob import glob

from setuptools import setup

SHARE = "share/cape_ros"

setup(
    data_files=[
        (SHARE, ["package.xml"]),
        (f"{SHARE}/msg", glob("msg/*.msg")),
        (f"{SHARE}/srv", glob("srv/*.srv")),
        (f"{SHARE}/launch", glob("launch/*.py")),
        (f"{SHARE}/config", glob("config/*.*")),
        (f"{SHARE}/config/training", glob("config/training/*.yaml")),
        (f"{SHARE}/config/tables", glob("config/tables/*.yaml")),
    ],
)
