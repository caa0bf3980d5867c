"""The page's files: a browser that has kept them sees those of the installation that serves now."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException

from cape_ros.studio.page_files import PageFiles

LATE = "Fri, 01 Jan 2100 00:00:00 GMT"


def get(folder: Path, path: str = "/main.js", **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(PageFiles(folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://robot") as client:
            return await client.get(path, headers=headers)

    with ThreadPoolExecutor(1) as thread:  # in this one a browser's event loop may run
        return thread.submit(lambda: asyncio.run(ask())).result()


def kept(answer: httpx.Response) -> Mapping[str, str]:
    """What a browser asks with that has kept this answer."""
    asked = {"If-None-Match": answer.headers["etag"]}
    if "last-modified" in answer.headers:
        asked["If-Modified-Since"] = answer.headers["last-modified"]
    return asked


def install(folder: Path, script: str, when: float = 0.0) -> Path:
    folder.mkdir()
    (folder / "index.html").write_text("<script src=main.js></script>")
    (folder / "main.js").write_text(script)
    for path in folder.iterdir():
        os.utime(path, (when, when))
    return folder


@pytest.mark.parametrize("when", [0.0, -3600.0], ids=["same time", "older"])
def test_a_page_of_another_release_is_sent_whatever_the_times_of_its_files(
    when: float, tmp_path: Path
) -> None:
    """Images of containers and reproducible packages give all files one time, and a release may be
    taken back; sizes may be equal, too."""
    new = install(tmp_path / "new", "let a = 2;")
    old = install(tmp_path / "old", "let a = 1;", when)
    first = get(new)
    assert first.text == "let a = 2;"
    then = get(old, **kept(first))
    assert (then.status_code, then.text) == (200, "let a = 1;")


def test_a_time_alone_is_no_reason_to_keep_a_page(tmp_path: Path) -> None:
    folder = install(tmp_path / "page", "let a = 1;")
    answer = get(folder, **{"If-Modified-Since": LATE})
    assert (answer.status_code, answer.text) == (200, "let a = 1;")


@pytest.mark.parametrize("path", ["/main.js", "/"])
def test_the_same_file_is_not_sent_twice(path: str, tmp_path: Path) -> None:
    here = install(tmp_path / "here", "let a = 1;")
    there = install(tmp_path / "there", "let a = 1;", when=1e9)
    first = get(here, path)
    assert first.status_code == 200
    for folder in (here, there):
        again = get(folder, path, **kept(first))
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(HTTPException, match="404"):  # the application answers it
        get(install(tmp_path / "page", ""), "/other.js")
