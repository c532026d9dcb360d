"""`pinmark setup`: the first start, from nothing to the first virtual mark.

In: answers, asked one after the other, or on a page. Out: what each answer made, at once. It can
be broken off at any question; the next `pinmark setup` goes on there and asks nothing twice.
"""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from engraver.errors import PinmarkError
from station_api.cli import shell
from station_api.cli.report import Display
from station_api.configuration import settings
from station_api.first_start import STEPS, Progress, Step, answer, begin, has_begun, progress, skip
from station_api.first_start.trial import make_trial
from station_api.home import station_home

SKIP = "later"
LONGEST_OFFERED = 60
"""Characters of an answer that is offered again after its step was refused."""


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(setup)


def setup(
    page: Annotated[bool, typer.Option("--page", help="ask on a page, in a browser")] = False,
    host: Annotated[
        str | None, typer.Option(help="address of the page; else \\[service] host")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="its port; else \\[service] port")
    ] = None,
    as_json: shell.JsonOption = False,
) -> int:
    """Set a new station up, step by step; run it again to go on.

    Example: pinmark setup; or, in a browser: pinmark setup --page
    """
    if as_json:
        steps = progress() if has_begun() else [Progress(name, "open") for name in STEPS]
        is_whole = all(one.state != "open" for one in steps)
        shell.emit({"done": is_whole, "steps": [asdict(one) for one in steps]})
        return shell.DONE
    begin()
    if page:
        from station_api.first_start.page import serve_page

        keys = settings().service
        serve_page(host or keys.host, keys.port if port is None else port, shell.progress_console)
    else:
        _ask_all()
    _say_end()
    return shell.DONE


def _ask_all() -> None:
    shell.console.print(
        "Each step is checked and written at once. Ctrl-C breaks off; `pinmark setup` goes on."
    )
    for number, one in enumerate(progress(), 1):
        step, head = STEPS[one.step], f"[bold]{number}/{len(STEPS)} {one.step}[/]"
        if one.state == "done":
            shell.console.print(f"{head}: {one.found}", markup=True)
        elif step.name == "mark":
            shell.console.print(f"{head}: {step.why}")
            _mark()
        else:
            shell.console.print(f"{head}: {step.why}")
            _ask(step)


def _ask(step: Step) -> None:
    """Ask until the answers will do; those that were not refused are offered again."""
    offered = {one.name: one.default for one in step.questions}
    while True:
        given = {}
        for number, question in enumerate(step.questions):
            hint = f" [{offered[question.name]}]" if offered[question.name] else ""
            hint += " (may be empty)" if question.optional and not hint else ""
            hint += f" ({SKIP}: leave this step)" if step.may_wait and number == 0 else ""
            typed = _line(f"  {question.text}{hint}: ", question.secret)
            given[question.name] = typed or offered[question.name]
            if step.may_wait and number == 0 and typed == SKIP:
                skip(step.name)
                return
        try:
            shell.console.print(f"  {answer(step.name, given)}", markup=False)
            return
        except PinmarkError as error:
            shell.console.print(f"  {' '.join(str(error).split())}", markup=False)
            for question in step.questions:
                answered = given[question.name]
                again = not question.secret and len(answered) <= LONGEST_OFFERED
                kept = again and answered not in str(error)
                offered[question.name] = answered if kept else question.default


def _line(text: str, secret: bool) -> str:
    if secret and sys.stdin.isatty():
        return getpass.getpass(text)
    print(text, end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    print() if not sys.stdin.isatty() else None
    return line.strip()


def _mark() -> None:
    with Display(quiet=False) as display:
        found = make_trial(station_home(), display)
    word = "good" if found["good"] else "bad"
    shell.console.print(
        f"  {found['make']} {found['model']} {found['serial']}: {found['code']}, read back as "
        f"{found['read_back']}: {word}; pictures in {station_home() / 'first-mark'}\n"
        f"  your first serial, {found['next_serial']}, will carry {found['next_code']}, once the "
        "recipe is released (docs/quality.md)",
        markup=False,
    )


def _say_end() -> None:
    open_steps = [one.step for one in progress() if one.state != "done"]
    if open_steps:
        left = ", ".join(open_steps)
        shell.console.print(f"left for later: {left}; `pinmark setup` asks again")
    shell.console.print("next: `pinmark serve`, sign in as the administrator, add the people")
