"""Promises of the message catalogue: both languages whole, no text outside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from station_api.pages.serving import STATIC
from station_api.pages.table import PAGES

SCRIPTS = sorted([*STATIC.glob("frame/*.js"), *STATIC.glob("pages/**/*.js")])
LISTS = sorted({file.name.split(".")[0] for file in STATIC.glob("words/*.json")})
SHOWN = re.compile(r'\b(?:title|placeholder|alt|label|aria-label)="[^"]*[^\W\d_]{2}')


def words(name: str, language: str) -> dict[str, str]:
    """Return one word list."""
    found: dict[str, str] = json.loads((STATIC / f"words/{name}.{language}.json").read_text())
    return found


@pytest.mark.parametrize("name", LISTS)
def test_both_languages_have_the_same_keys(name: str) -> None:
    """Every key in both, with text, and with the same values to fill in."""
    english, spanish = words(name, "en"), words(name, "es")
    assert list(english) == list(spanish)
    for key, text in english.items():
        assert text and spanish[key]
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", spanish[key]))


def test_a_page_s_words_are_in_its_own_list_or_the_frame_s() -> None:
    """Each page has lists in both languages and a title; no key is in two lists."""
    everywhere = [key for name in LISTS for key in words(name, "en")]
    assert len(everywhere) == len(set(everywhere))
    frame = words("frame", "en")
    for page in PAGES:
        assert page.name in LISTS
        assert f"page.{page.name}" in frame


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_key_that_is_asked_for_exists(script: Path) -> None:
    """`t("x.y")` names a key; the beginning of a key that is put together is one of a key."""
    known = {key for name in LISTS for key in words(name, "en")}
    source = re.sub(r"/\*.*?\*/", "", script.read_text("utf-8"), flags=re.S)
    for key in re.findall(r'\bt\(\s*"([^"]+)"', source):
        assert key in known, key
    for start in re.findall(r"\bt\(\s*`([^`$]+)\$\{", source):
        assert any(key.startswith(start) for key in known), start


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_page_has_text_of_its_own(script: Path) -> None:
    """Between the tags of a template stands nothing that a person would read."""
    for template in templates(script.read_text("utf-8")):
        outside = re.sub(r"<[^<>]*>", " ", template)
        assert re.search(r"[^\W\d_]", outside) is None, outside.split()
        assert SHOWN.search(template) is None, template


def templates(source: str) -> list[str]:
    """Return the texts of all html`...` templates, what is filled in left out."""
    found: list[str] = []
    for start in re.finditer(r"\bhtml`", source):
        text, at = [], start.end()
        while source[at] != "`":
            if source.startswith("${", at):
                at = _after_braces(source, at + 2)
                text.append("0")
            else:
                text.append(source[at])
                at += 1
        found.append("".join(text))
    return found


def _after_braces(source: str, at: int) -> int:
    depth = 1
    while depth:
        if source[at] == "`":
            at = _after_template(source, at + 1)
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        at += 1
    return at


def _after_template(source: str, at: int) -> int:
    while source[at] != "`":
        at = _after_braces(source, at + 2) if source.startswith("${", at) else at + 1
    return at


def test_the_search_for_text_finds_text() -> None:
    """Text beside a tag, in a nested template and in an attribute is found."""
    assert templates("html`<p>${x}</p>`") == ["<p>0</p>"]
    nested = templates("html`<p>${a && html`<b>Hi ${`x${y}`}</b>`}</p>`")
    assert nested == ["<p>0</p>", "<b>Hi 0</b>"]
    assert SHOWN.search('<input placeholder="Type here">')
