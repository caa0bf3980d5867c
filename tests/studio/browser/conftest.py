"""A real browser before a real server, with a camera whose motion is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from remembering import supports_remembered

from cape_ros.perception.estimator import Estimator

from .chromium import find, launch
from .person import Person
from .running import RATE, Running

STEP_TIMEOUT = 30_000  # milliseconds that a step may take on a busy machine
expect.set_options(timeout=STEP_TIMEOUT)


class WithoutBrowser(pytest.Module):
    """A module of this folder where there is no browser: all of them are skipped in one line."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.skip(
            "needs a browser: apt install chromium, or name one with CHROMIUM=",
            allow_module_level=True,
        )


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if find() is None:
        return WithoutBrowser.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright, find() or "")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def estimator() -> Estimator:
    return Estimator.load(device="cpu")


@pytest.fixture(scope="package", autouse=True)
def remembered() -> Iterator[None]:
    with supports_remembered():
        yield


@pytest.fixture
def rate() -> float:
    """Frames/s of the camera; modules that ask for no more than one frame have a slower one."""
    return RATE


@pytest.fixture
def running(estimator: Estimator, tmp_path: Path, rate: float) -> Iterator[Running]:
    """A server with an empty library, Studio, and a moving cup of coffee."""
    with Running(estimator, tmp_path / "library", rate) as here:
        yield here


@pytest.fixture
def visit(chromium: Browser, running: Running) -> Iterator[Callable[..., Person]]:
    """Opens the page for one more person; fails if the page complained about anything."""
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    def open_page(view: str = "live", **options: object) -> Person:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(STEP_TIMEOUT)
        contexts.append(context)
        person = Person(context.new_page(), running)
        people.append(person)
        person.open(view)
        return person

    yield open_page
    for context in contexts:
        context.close()
    assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture
def person(visit: Callable[..., Person]) -> Person:
    """One person with a mouse before a wide screen."""
    return visit()
