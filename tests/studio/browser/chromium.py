"""The distribution's Chromium, as the tests and the pictures of the documentation start it."""

from __future__ import annotations

import os
from shutil import which

from playwright.sync_api import Browser, Playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The browser's path: what CHROMIUM names, or the one on the path; None if there is none.

    Debian has it without the parts for a screen, too: as a package that takes half the time.
    """
    return os.environ.get("CHROMIUM") or which("chromium-headless-shell") or which("chromium")


def launch(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=list(FLAGS))
