"""Annotation formats of other programs; each module reads and writes one.

`read(...)` gives what a file says as an `ImportResult`; `write(category)` the files of an export.
"""
