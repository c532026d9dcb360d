"""The first start on a page: a small service of its own, before there is a station to serve.

In: a browser and the one-time password printed where this was started. Out: the same answers
to the same steps as in the terminal. It speaks the routes that the frame of all pages needs
(session, events) and /v1/setup, and ends when the page says so.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import threading
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, StreamingResponse
from pydantic import Field
from rich.console import Console

import hardware
from engraver.errors import ConflictError, MissingError, PinmarkError
from station_api.first_start import STEPS, answer, begin, progress, skip
from station_api.first_start.trial import FOLDER, make_trial, trial_of
from station_api.home import station_home
from station_api.pages.serving import STATIC, PageFiles, policy_of, shell_of
from station_api.pages.table import Page
from station_api.people import Right, SignInError, TooManyError
from station_api.people.secrets import make_password
from station_api.service.bodies import Body, SignIn, Unlock
from station_api.service.hardening import Hardening
from station_api.service.problems import install
from station_api.service.server import listen, make_server
from station_api.walk import Nobody, Step

NAME = "setup"
PAGE = Page(NAME, Right.MANAGE_PEOPLE)
COOKIE = "pinmark_setup"
MOST_TRIES = 10
IDLE_S = 3600
BEAT_S = 5.0


class Answers(Body):
    """Answers by question."""

    answers: dict[str, Annotated[str, Field(max_length=512)]] = Field(max_length=10)


class FirstStart:
    """One first start: who may open it, and how its first mark goes."""

    def __init__(self) -> None:
        self.password = make_password()
        self.token = secrets.token_urlsafe(32)
        self.tries = 0
        self.version = 0
        self.problem = ""
        self.said: list[str] = []
        self.finished = threading.Event()
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()

    def sign_in(self, name: str, secret: str) -> None:
        """Let in who has the printed password; ten wrong ones close the page for good."""
        with self._guard:
            if self.tries >= MOST_TRIES:
                raise TooManyError(
                    "too many wrong passwords; start `pinmark setup --page` anew", 60
                )
            if name.strip().casefold() != NAME or not hmac.compare_digest(
                secret.strip().encode(), self.password.encode()
            ):
                self.tries += 1
                raise SignInError("name and password are printed where this was started")

    def is_open(self, request: Request) -> bool:
        """Return whether a request comes from who signed in."""
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.token.encode())

    def state(self) -> dict[str, Any]:
        """Return all that the page shows."""
        return {
            "steps": [
                {**asdict(one), "questions": [asdict(q) for q in STEPS[one.step].questions],
                 "may_wait": STEPS[one.step].may_wait}
                for one in progress()
            ],
            "recipes": list(hardware.names("recipes")),
            "marking": self.is_marking(),
            "said": self.said,
            "problem": self.problem,
            "trial": trial_of(station_home()),
        }  # fmt: skip

    def is_marking(self) -> bool:
        """Return whether the first mark is being made."""
        return self._thread is not None and self._thread.is_alive()

    def mark(self) -> None:
        """Begin the first mark."""
        with self._guard:
            if self.is_marking():
                raise ConflictError("the first mark is being made")
            if trial_of(station_home()) is not None:
                raise ConflictError("the first mark is made")
            self.problem, self.said = "", []
            self._thread = threading.Thread(target=self._mark, name="pinmark-first-mark")
            self._thread.start()

    def wait(self) -> None:
        """Wait until no mark is being made."""
        if self._thread is not None:
            self._thread.join()

    def _mark(self) -> None:
        try:
            make_trial(station_home(), _Listener(self))
        except PinmarkError as error:
            self.problem = " ".join(str(error).split())
        self.version += 1


class _Listener(Nobody):
    def __init__(self, first: FirstStart) -> None:
        self._first = first

    def ended(self, step: Step) -> None:
        self._first.said.append(f"{step.name}: {step.result}")
        self._first.version += 1


def _first(request: Request) -> FirstStart:
    found: FirstStart = request.app.state.first
    return found


def _inside(request: Request) -> FirstStart:
    first = _first(request)
    if not first.is_open(request):
        raise SignInError("sign in with the password printed where this was started")
    return first


Inside = Annotated[FirstStart, Depends(_inside)]
router = APIRouter(prefix="/v1")
WHO = {"name": NAME, "role": "administrator", "station": "", "pages": [NAME], "idle_s": IDLE_S,
       "must_change": False}  # fmt: skip


@router.post("/session")
def sign_in(body: SignIn, request: Request) -> Response:
    """Sign in by the printed password."""
    first = _first(request)
    first.sign_in(body.name, body.secret)
    reply = JSONResponse(WHO)
    reply.set_cookie(
        COOKIE, first.token, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return reply


@router.post("/session/unlock")
def unlock(body: Unlock, request: Request) -> dict[str, Any]:
    """Unlock a screen that was locked."""
    _first(request).sign_in(NAME, body.secret)
    return WHO


@router.post("/session/lock")
def lock(first: Inside) -> dict[str, Any]:
    """Nothing is kept of a lock: the screen locks itself."""
    return {}


@router.get("/session")
def who(first: Inside) -> dict[str, Any]:
    """Say who is in."""
    return WHO


@router.delete("/session", status_code=204)
def sign_out() -> Response:
    """Sign out at this browser."""
    reply = Response(status_code=204)
    reply.delete_cookie(COOKIE)
    return reply


@router.get("/events")
def events(first: Inside) -> StreamingResponse:
    """Say that something moved."""
    return StreamingResponse(_beats(first), media_type="text/event-stream")


async def _beats(first: FirstStart) -> AsyncIterator[bytes]:
    seen, quiet_s = first.version, 0.0
    yield b": here\n\n"
    while not first.finished.is_set():
        await asyncio.sleep(0.1)
        quiet_s += 0.1
        if first.version != seen:
            seen, quiet_s = first.version, 0.0
            yield b'event: grown\ndata: {"size": 0}\n\n'
        elif quiet_s > BEAT_S:
            quiet_s = 0.0
            yield b": still here\n\n"


@router.get("/setup")
def show(first: Inside) -> dict[str, Any]:
    """Show every step and what is there of it."""
    return first.state()


@router.post("/setup/{step}")
def take(step: str, body: Answers, first: Inside) -> dict[str, Any]:
    """Take the answers of a step."""
    if step == "mark":
        first.mark()
        made = ""
    else:
        made = answer(step, body.answers)
    first.version += 1
    return {"made": made}


@router.post("/setup/{step}/skip")
def leave(step: str, first: Inside) -> dict[str, Any]:
    """Leave a step for later."""
    skip(step)
    first.version += 1
    return {}


@router.post("/setup-end")
def end(first: Inside, request: Request) -> dict[str, Any]:
    """End the first start; what is left can be answered at the next."""
    first.finished.set()
    request.app.state.server.should_exit = True
    return {}


@router.get("/setup-picture/{name}")
def picture(name: str, first: Inside) -> FileResponse:
    """Give a picture of the first mark."""
    found = trial_of(station_home())
    if found is None or name not in found["pictures"]:
        raise MissingError("there is no such picture; make the first mark")
    return FileResponse(station_home() / FOLDER / found["pictures"][name], media_type="image/png")


pages = APIRouter()


@pages.get("/")
@pages.get("/pages/")
def to_the_page() -> Response:
    """Lead a browser to the page."""
    return RedirectResponse(f"/pages/{NAME}", 307)


@pages.get(f"/pages/{NAME}")
def page() -> Response:
    """Give the page's shell."""
    headers = {"Content-Security-Policy": policy_of({}), "Cache-Control": "no-store"}
    return Response(shell_of(PAGE, 200), 200, headers, "text/html")


def make_page_app(first: FirstStart) -> FastAPI:
    """Return the application of a first start."""
    app = FastAPI(title="pinmark setup", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.first, app.state.service = first, None
    app.include_router(router)
    app.include_router(pages)
    app.mount("/pages/static", PageFiles(directory=STATIC))
    install(app)
    app.add_middleware(Hardening, tls=False)
    return app


def serve_page(host: str, port: int, console: Console) -> None:
    """Serve the page until it says that it has ended."""
    begin()
    first = FirstStart()
    with listen(host, port, tls=False, plain=False) as listener:
        where = f"http://{host}:{listener.getsockname()[1]}"
        console.print(
            f"first start: open {where}/ and sign in once as [bold]{NAME}[/] with "
            f"[bold]{first.password}[/]\n  (printed here alone, good until this ends; Ctrl-C)",
            soft_wrap=True,
        )
        app = make_page_app(first)
        app.state.server = make_server(app)
        try:
            app.state.server.run(sockets=[listener])
        finally:
            first.finished.set()
            first.wait()
