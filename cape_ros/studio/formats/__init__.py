"""Annotations as other programs write them: one module a format, each reads and writes.

`read(...)` gives what a file says as an `ImportResult`; `write(category)` the files of an export.
"""
