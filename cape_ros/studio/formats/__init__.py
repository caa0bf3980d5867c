"""Annotations as other programs write them: one module a format, each reads and writes.

`read(...)` gives what a file says as a `Reading`; `write(category)` the files of an export.
"""
