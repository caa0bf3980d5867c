"""Every instance of every category in an image, without boxes."""
