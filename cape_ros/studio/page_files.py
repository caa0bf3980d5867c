"""Serves the files of Studio's page."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope


class PageFiles(StaticFiles):
    """Known by their content. Times say nothing: images of containers and reproducible packages
    give all files one, those of a release that is taken back are older, and another robot may be
    reached by the same address."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        digest = hashlib.sha256(Path(full_path).read_bytes()).hexdigest()
        headers = {"ETag": f'"{digest[:32]}"'}
        response = FileResponse(full_path, status_code, headers, stat_result=stat_result)
        del response.headers["Last-Modified"]
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response
