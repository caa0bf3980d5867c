"""Studio as one ASGI application."""

from __future__ import annotations

import logging
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from cape_ros.core.errors import CapeError, Conflict, Fault, FaultCode, InvalidInput
from cape_ros.studio.access import App, Guard, Rules
from cape_ros.studio.api import categories, exchange, live, media, space
from cape_ros.studio.api import inspect as inspection
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.schemas import ConflictAnswer, FaultsAnswer
from cape_ros.studio.formats.reading import field_name
from cape_ros.studio.page_files import PageFiles

logger = logging.getLogger(__name__)
UPLOADS = ("/api/images", "/api/videos", "/api/import")
PAGE = Path(__file__).with_name("page")
CODES: dict[str, FaultCode] = {  # by the kinds of errors of pydantic; others: wrong_type
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "too_long": "too_large",
    "string_too_long": "too_large",
    "greater_than_equal": "out_of_range",
}


def make_app(context: Context, rules: Rules) -> App:
    app = Application(
        title="cape_ros Studio",
        description="Points and boxes are pixels of the full image; the centre of its top-left "
        "pixel is (0, 0).",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for part in (inspection, categories, space, media, exchange, live):
        app.include_router(
            part.routes(context), prefix="/api", responses={400: {"model": FaultsAnswer}}
        )

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(overview(app))

    app.mount("/", PageFiles(PAGE))

    async def refuse(request: Request, error: Exception) -> JSONResponse:
        context.server.reject(error)
        if isinstance(error, Conflict):
            faults = FaultsAnswer.of(error.faults).faults
            content = ConflictAnswer(faults=faults, present_version=error.present)
            return JSONResponse(content.model_dump(), 409)
        if isinstance(error, InvalidInput):
            return answer(404 if _is_missing(error) else 400, error.faults)
        if isinstance(error, CapeError):
            return answer(409, [Fault("", str(error))])
        return answer(500, [Fault("", "internal error; the log has it")])

    async def misread(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(400, [_fault(each) for each in error.errors()])

    async def not_served(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, [Fault("", str(error.detail))])

    app.add_exception_handler(CapeError, refuse)
    app.add_exception_handler(Exception, refuse)
    app.add_exception_handler(RequestValidationError, misread)
    app.add_exception_handler(HTTPException, not_served)
    return Guard(app, rules, UPLOADS)


class Application(FastAPI):
    """Describes itself when it is first asked to: that takes longer than to make all the rest."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            for methods in super().openapi()["paths"].values():
                for operation in methods.values():
                    operation["responses"].pop("422", None)  # FastAPI's own; ours are 400
        assert self.openapi_schema is not None
        return self.openapi_schema


def answer(status: int, faults: list[Fault] | tuple[Fault, ...]) -> JSONResponse:
    return JSONResponse(FaultsAnswer.of(faults).model_dump(), status)


def overview(app: FastAPI) -> str:
    """An overview of the routes that needs no internet; openapi.json has the details."""
    rows = "".join(
        f"<tr><td>{method.upper()}<td><code>{escape(path)}</code>"
        f"<td>{escape(operation.get('description') or operation['summary'])}"
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Studio: API</title>"
        "<h1>Studio: API</h1><p>All of it: <a href=openapi.json>openapi.json</a>. "
        "Live frames: WebSocket <code>/api/live</code>."
        f"<table><tr><th>method<th>path<th>what{rows}</table>"
    )


def _is_missing(error: InvalidInput) -> bool:
    """Whether what the path names is not there."""
    return any(fault.code == "unknown_category" for fault in error.faults)


def _fault(error: dict[str, object]) -> Fault:
    """The faults of FastAPI's errors; the first part of a location is body, path or query."""
    place = error["loc"]
    assert isinstance(place, tuple)
    code = CODES.get(str(error["type"]), "wrong_type")
    return Fault(field_name(place[1:]), str(error["msg"])[:300], code)
