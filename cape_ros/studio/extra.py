"""Whether the extra [studio] is installed; imports nothing of it."""

from __future__ import annotations

from importlib.util import find_spec

from cape_ros.errors import CapeError

NEEDED = ("fastapi", "uvicorn", "websockets", "defusedxml")


def is_installed() -> bool:
    return not _missing()


def check_installed() -> None:
    """Raises `CapeError` that says what to do."""
    if missing := _missing():
        raise CapeError(
            f"Studio needs {', '.join(missing)}: pip install 'cape_ros[studio]'; "
            "a node does without it: studio.enable:=false"
        )


def _missing() -> list[str]:
    return [name for name in NEEDED if find_spec(name) is None]
