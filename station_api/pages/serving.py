"""The pages over HTTP: a shell for each page, modules, styles, word lists, package assets.

In: an application. Out: ``/``, ``/pages/NAME``, ``/pages/static/...``, ``/pages/assets/...``. A
shell holds no data and takes no sign-in; to somebody who is signed in and may not open the page
it answers 403. Scripts come from this origin only (Content-Security-Policy, level 3).
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from engraver.errors import MissingError
from station_api.pages.table import ASSETS, Page, page_named
from station_api.people import SignInError
from station_api.people.sessions import PREFIX
from station_api.service.callers import COOKIE

STATIC = Path(__file__).parent / "static"
CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
FRESH = "no-cache"
"""Kept by the browser, and asked about each time: a new version of pinmark is seen at once."""

router = APIRouter(include_in_schema=False)


def add_pages(app: FastAPI) -> None:
    """Serve the pages from an application."""
    app.include_router(router)
    app.mount("/pages/static", PageFiles(directory=STATIC))


class PageFiles(StaticFiles):
    """Files that browsers keep and ask about."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        reply = await super().get_response(path, scope)
        reply.headers["Cache-Control"] = FRESH
        return reply


@router.get("/")
def to_the_pages() -> Response:
    """Lead a browser to the pages."""
    return RedirectResponse("/pages/", 307)


@router.get("/pages/")
def first_page(request: Request) -> Response:
    """Give the shell that finds out which page is the caller's first."""
    return _answer(None, 200)


@router.get("/pages/{name}")
def one_page(name: str, request: Request) -> Response:
    """Give the shell of one page, or the same without it to whom it is not for."""
    page = page_named(name)
    if page is None:
        return _answer(None, 404)
    return _answer(None, 403) if _is_refused(page, request) else _answer(page, 200)


@router.get("/pages/assets/{path:path}")
def asset(path: str) -> Response:
    """Give a file of an installed package, if the table names it."""
    if path not in ASSETS:
        raise MissingError(f"no page takes a file {path[:80]!r} from a package")
    package, inside = ASSETS[path]
    return FileResponse(_folder_of(package) / inside, headers={"Cache-Control": FRESH})


@cache
def _folder_of(package: str) -> Path:
    # found without importing it: some of them take seconds
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingError(f"package {package} is not installed; run `make setup`")
    return Path(spec.origin).parent


def _is_refused(page: Page, request: Request) -> bool:
    token = request.cookies.get(COOKIE, "")
    if not token.startswith(PREFIX):
        return False
    try:
        return not page.is_for(request.app.state.service.sessions.owner(token).role)
    except SignInError:
        return False


def _answer(page: Page | None, status: int) -> Response:
    text = shell_of(page, status)
    headers = {"Content-Security-Policy": policy_of(page.csp if page else {})}
    return Response(text, status, {**headers, "Cache-Control": "no-store"}, "text/html")


def policy_of(more: Mapping[str, str]) -> str:
    """Write the Content-Security-Policy of a page.

    Examples
    --------
    >>> "style-src 'self' 'unsafe-inline';" in policy_of({"style-src": "'unsafe-inline'"})
    True
    """
    parts = (f"{name} {value} {more.get(name, '')}".strip() for name, value in CSP.items())
    own = (f"{name} {value}" for name, value in more.items() if name not in CSP)
    return "; ".join([*parts, *own]) + ";"


def shell_of(page: Page | None, status: int) -> str:
    """Write the one document that all pages share."""
    return (
        _template()
        .replace("PAGE", html.escape(page.name if page else ""))
        .replace("STATUS", str(status))
        .replace("<!-- preload -->", _preloads(page.name, page.styles) if page else _preloads(""))
    )


@cache
def _template() -> str:
    return (STATIC / "shell.html").read_text("utf-8")


@cache
def _preloads(name: str, styles: tuple[str, ...] = ()) -> str:
    # all at once, not one after the other as each module names the next
    files = [*sorted(STATIC.glob("vendor/*.js")), *sorted(STATIC.glob("frame/*.js"))]
    if name:
        files.append(STATIC / "pages" / f"{name}.js")
    names = [file.relative_to(STATIC).as_posix() for file in files if file.name != "theme.js"]
    links = [f'<link rel="modulepreload" href="/pages/static/{name}">' for name in names]
    for style in (*styles, f"{name}.css") if name else ():
        if (STATIC / "pages" / style).exists():
            links.append(f'<link rel="stylesheet" href="/pages/static/pages/{style}">')
    return "\n".join(links)
