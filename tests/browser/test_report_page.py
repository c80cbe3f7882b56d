"""The report's page as a person meets it: colours, keyboard, screen reader, paper, telephone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import ARTIFACTS, REPOSITORY, Opened

GOLDEN = REPOSITORY / "tests/unit/handover"
PAGE = GOLDEN / "report.html"
IMAGE = "<img src='data:,'></main>"
REPORT = json.loads((GOLDEN / "report.json").read_text(encoding="utf-8"))


def spoilt(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    """The page with faults planted in it."""
    text = PAGE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "spoilt.html").write_text(text, encoding="utf-8")
    return tmp_path / "spoilt.html"


def test_it_says_nothing_in_the_console_and_asks_for_nothing(opened: Opened) -> None:
    opened.go(PAGE)
    scheme = "dark" if opened.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    opened.page.screenshot(path=ARTIFACTS / f"report-{scheme}.png", full_page=True)
    assert opened.complaints == []
    assert opened.requests == [PAGE.as_uri()]
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(246, 248, 250)", "dark": "rgb(13, 17, 23)"}[scheme]


def test_a_complaint_and_a_request_would_be_noticed(opened: Opened, tmp_path: Path) -> None:
    opened.go(spoilt(tmp_path, ("<main", "<script>alert(1)</script><img src='http://192.0.2.1/x.png'><main")))
    assert any("Content Security Policy" in each for each in opened.complaints), "an injected script does not run"


def test_a_request_of_a_page_without_its_policy_would_be_noticed(opened: Opened, tmp_path: Path) -> None:
    opened.go(spoilt(tmp_path, ("Content-Security-Policy", "x"), ("<main", "<img src='missing.png'><main")))
    assert len(opened.requests) == 2
    assert opened.complaints


def test_axe_finds_nothing_serious_closed_or_open(opened: Opened) -> None:
    opened.go(PAGE)
    assert opened.violations() == []
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.violations() == []


def test_axe_would_find_planted_faults(opened: Opened, tmp_path: Path) -> None:
    opened.go(
        spoilt(
            tmp_path,
            ('<html lang="en">', "<html>"),
            ("--quiet: #57606a", "--quiet: #dddddd"),
            ("</main>", IMAGE),
        )
    )
    found = " ".join(opened.violations())
    assert "html-has-lang" in found
    assert "image-alt" in found


def test_the_tables_hold_the_report(opened: Opened) -> None:
    opened.go(PAGE)
    rows = opened.page.locator("#checklist tbody tr")
    words = {"pass": "Pass", "fail": "Fail", "unproven": "Unproven", "not_applicable": "N/A", "not_run": "Not run"}
    shown = [rows.nth(index).inner_text() for index in range(rows.count())]
    assert len(shown) == len(REPORT["checklist"]) == 7
    for text, each in zip(shown, REPORT["checklist"], strict=True):
        assert each["text"] in text
        assert words[each["verdict"]] in text
    opened.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.page.locator(".finding").count() == len(REPORT["findings"])
    matrix = opened.page.locator("#matrix tbody tr")
    assert matrix.count() == 6, "two regions by three services"
    assert opened.page.locator("#residency tbody tr").count() == 12, "four modes by three services"


def test_every_control_is_reached_and_used_by_keyboard(opened: Opened) -> None:
    opened.go(PAGE)
    page = opened.page
    stops = page.evaluate(
        "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')]"
        ".filter(each => each.checkVisibility()).length"
    )
    reached = set()
    for _press in range(stops + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len({each for each in reached if each > 3}) >= stops
    page.reload()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    closed = page.locator("details.item:not([open]) > summary").first
    item = closed.evaluate("each => each.parentElement.id")
    closed.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(f"document.getElementById('{item}').open") is True


def test_pictures_have_a_name_and_a_description(opened: Opened) -> None:
    opened.go(PAGE)
    pictures = opened.page.locator("svg")
    assert pictures.count() == 3
    for index in range(3):
        picture = pictures.nth(index)
        assert picture.get_attribute("role") == "img"
        title, described = (picture.get_attribute("aria-labelledby") or "").split()
        assert opened.page.locator(f"#{title}").text_content()
        assert len(opened.page.locator(f"#{described}").text_content()) > 40


def test_paper_gets_everything_and_no_navigation(opened: Opened, tmp_path: Path) -> None:
    opened.go(PAGE)
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("nav.top").is_visible()
    evidence = opened.page.locator("#INFRA-P2-5 .finding pre").first
    assert evidence.is_visible(), "what is folded on the screen is open on paper"
    printed: Any = opened.page.pdf(path=ARTIFACTS / "report.pdf", format="A4")
    assert printed.startswith(b"%PDF")


@pytest.mark.parametrize("width", [320, 390, 820])
def test_a_narrow_screen_scrolls_downwards_only(browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(PAGE.as_uri())
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"report-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
