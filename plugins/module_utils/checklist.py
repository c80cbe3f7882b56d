# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as a table for a person at a terminal: ASCII only, words before colours, no line wider than the screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    NOT_RUN,
    PASS,
    UNPROVEN,
    alike,
    subjects,
    with_status,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.report import (
    VERDICTS,
    count,
    enumerated,
    overall,
    taken_over,
)

WORDS = {PASS: "PASS", FAIL: "FAIL", UNPROVEN: "UNPROVEN", NOT_APPLICABLE: "N.A.", NOT_RUN: "NOT RUN"}

NARROWEST = 80
WIDEST = 120
STATUS_WIDTH = 10
INDENT = 2
GAP = 2
CUT = " ..."
NARROWEST_CELL = 20
#: A table cell shows so many lines; what needs doing stands under the table in full.
CELL_LINES = 3
NO_LIMIT = 10_000
HOSTS_NAMED = 2
NO_REGION = "-"


class Line(NamedTuple):
    """A line of the table and the status that may colour it."""

    text: str
    status: str = ""


class Columns(NamedTuple):
    """How wide the columns are; a region of 0 is no column."""

    subject: int
    region: int
    detail: int


class Row(NamedTuple):
    """A finding as the table shows it."""

    status: str
    subject: str
    region: str
    detail: str


def render(report: Mapping[str, Any], width: int) -> list[Line]:
    """Return the table: the items of the chain with their findings, then the checklist of the requirements."""
    rule = Line("-" * width)
    lines = [rule, *_heading(report, width), rule]
    for item in report["items"]:
        lines += _item(report, item, width)
    lines += [rule, *_requirements(report, width), rule]
    return [*lines, *_to_do(report, width), *_failed_tasks(report, width), *_result(report, width)]


def wrap(text: str, width: int) -> list[str]:
    """Wrap on spaces, and where a word is wider than the line after one of its ``/ : . , _ -``."""
    lines = [""]
    for word in printable(text).split():
        if not lines[-1]:
            lines[-1] = word
        elif len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
        while len(lines[-1]) > width:
            cut = max((lines[-1].rfind(mark, 0, width) for mark in "/:.,_-"), default=-1) + 1
            cut = cut if cut > width // 2 else width
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines


def printable(text: str) -> str:
    """Return the text without line breaks and without anything that would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _heading(report: Mapping[str, Any], width: int) -> Iterator[Line]:
    account = f"account {report['account_id']}" if report["account_id"] else "account unknown"
    moment = report["finished_at"].replace("T", " ").replace("Z", " UTC")
    heading = f"SafeSecrets Phase 2 checklist: {report['playbook']}, {account}, {moment}"
    yield from (Line(text) for text in wrap(heading, width))
    if report["check_mode"]:
        yield Line("CHECK MODE (--check): nothing was changed.", UNPROVEN)
    for note in report["notes"]:
        yield from (Line(text) for text in wrap(note, width))
    earlier = taken_over(report)
    if earlier:
        runs = enumerated(sorted({each["run_id"] for each in earlier}))
        note = f"{len(earlier)} of the findings are taken over from the run {runs}."
        yield from (Line(text) for text in wrap(note, width))


def _requirements(report: Mapping[str, Any], width: int) -> Iterator[Line]:
    yield Line("Validation checklist of the requirements")
    for each in report["checklist"]:
        head = f"{WORDS[each['verdict']]:<{STATUS_WIDTH}}{each['number']}. "
        yield from _indented(head, each["text"], width, each["verdict"])
        if each["verdict"] not in (PASS, NOT_RUN):
            indent = " " * len(head)
            detail = _shortened(wrap(each["detail"], width - len(indent)), width - len(indent), CELL_LINES)
            yield from (Line(indent + text, each["verdict"]) for text in detail)


def _item(report: Mapping[str, Any], item: Mapping[str, Any], width: int) -> Iterator[Line]:
    name = item["item"] if item["item"].startswith("INFRA") else item["item"].capitalize()
    for index, text in enumerate(wrap(f"{name}: {item['title']}", width - STATUS_WIDTH)):
        yield Line(f"{'' if index else WORDS[item['verdict']]:<{STATUS_WIDTH}}{text}", item["verdict"])
    rows = _rows(report, item["item"])
    regions = any(row.region != NO_REGION for row in rows)
    region_width = max(len(row.region) for row in rows) + GAP if regions else 0
    layout = min(_layouts(rows, width, region_width), key=lambda lay_out: len(lay_out(NO_LIMIT)))
    yield from layout(CELL_LINES)


def _rows(report: Mapping[str, Any], item: str) -> list[Row]:
    """Return the rows of an item; findings of a region that say the same share one, their subjects side by side."""
    subjects_of: dict[tuple[str, str, str], list[str]] = {}
    for each in report["findings"]:
        if each["item"] == item:
            saying = (each["status"], each["region"] or NO_REGION, each["detail"])
            subjects_of.setdefault(saying, []).append(_subject(each, report))
    return [Row(status, ", ".join(named), region, detail) for (status, region, detail), named in subjects_of.items()]


def _layouts(rows: list[Row], width: int, region_width: int) -> Iterator[Callable[[int], list[Line]]]:
    """Offer the ways to lay out the findings of an item, of which the shortest is taken.

    Side by side only where no name has to be broken for it: names are there to be copied.
    """
    rest = width - INDENT - STATUS_WIDTH - region_width - GAP
    widest = min(max((len(row.subject) for row in rows), default=0), rest - NARROWEST_CELL)
    longest_name = max((len(name) for row in rows for name in row.subject.split()), default=0)
    for subject_width in range(widest, max(longest_name, 1) - 1, -1):
        yield partial(_beside, rows, Columns(subject_width, region_width, rest - subject_width))
    yield partial(_below, rows, Columns(widest + NARROWEST_CELL, region_width, width))


def _beside(rows: list[Row], columns: Columns, limit: int) -> list[Line]:
    """Lay out each finding as status, subject, region and detail side by side."""
    lines = []
    for row in rows:
        subject = wrap(row.subject, columns.subject)
        detail = _shortened(wrap(row.detail, columns.detail), columns.detail, limit)
        for index, (left, right) in enumerate(zip_longest(subject, detail, fillvalue="")):
            lines.append(Line(f"{_head(row, index, left, columns)}{right}".rstrip(), row.status))
    return lines


def _below(rows: list[Row], columns: Columns, limit: int) -> list[Line]:
    """Lay out each finding as status, subject and region, with the detail under them."""
    indent = " " * (INDENT + STATUS_WIDTH + INDENT)
    detail_width = columns.detail - len(indent)
    columns = columns._replace(subject=min(columns.subject, max((len(row.subject) for row in rows), default=0)))
    lines = []
    for row in rows:
        for index, text in enumerate(wrap(row.subject, columns.subject)):
            lines.append(Line(_head(row, index, text, columns).rstrip(), row.status))
        detail = _shortened(wrap(row.detail, detail_width), detail_width, limit)
        lines += [Line(indent + text, row.status) for text in detail]
    return lines


def _head(row: Row, index: int, subject: str, columns: Columns) -> str:
    """Return the left part of a finding's line; status and region stand on its first one."""
    status, region = ("", "") if index else (WORDS[row.status], row.region if columns.region else "")
    return f"{' ' * INDENT}{status:<{STATUS_WIDTH}}{subject:<{columns.subject + GAP}}{region:<{columns.region}}"


def _shortened(texts: list[str], width: int, limit: int) -> list[str]:
    if len(texts) <= limit:
        return texts
    last = texts[limit - 1]
    if len(last) > width - len(CUT):
        last = last[: width - len(CUT)].rsplit(" ", 1)[0]
    return [*texts[: limit - 1], f"{last}{CUT}"]


def _subject(each: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Return the subject, its ARNs without what the region column says, and its hosts where others saw otherwise."""
    subject = printable(re.sub(r"\barn:[^:\s]*:[^:\s]*:[^:\s]*:[^:\s]*:", "", each["subject"]))
    everywhere = {host for finding in report["findings"] for host in finding["hosts"]} - {"localhost"}
    hosts = [host for host in each["hosts"] if host != "localhost"]
    if not hosts or len(hosts) == len(everywhere):
        return subject
    return f"{subject} [{', '.join(hosts) if len(hosts) <= HOSTS_NAMED else f'{len(hosts)} hosts'}]"


def _to_do(report: Mapping[str, Any], width: int) -> Iterator[Line]:
    wanting = [*with_status(report["findings"], FAIL), *with_status(report["findings"], UNPROVEN)]
    if not wanting:
        return
    yield Line("What to do")
    for number, group in enumerate(alike(wanting), 1):
        first = group[0]
        hosts = sorted({host for each in group for host in each["hosts"]} - {"localhost"})
        heading = f"{WORDS[first['status']]} {first['item']}{' on ' if hosts else ''}{enumerated(hosts)}"
        yield from _indented(f"{number:>2}. ", heading, width, first["status"])
        yield from _indented("    What:   ", subjects(group), width)
        yield from _indented("    Seen:   ", first["detail"], width)
        yield from _indented("    Remedy: ", first["remedy"], width)
    yield Line("-" * width)


def _failed_tasks(report: Mapping[str, Any], width: int) -> Iterator[Line]:
    if report["failed_tasks"]:
        yield Line("Tasks that failed outside the checks")
    for task in report["failed_tasks"]:
        what = "UNREACHABLE" if task["unreachable"] else "FAIL"
        item = f" {task['item']}" if task["item"] else ""
        yield from _indented("  ", f"{what}{item} on {task['host']}: {task['task']}", width, FAIL)
        yield from _indented("    Said:   ", task["message"], width)
    if report["failed_tasks"]:
        yield Line("-" * width)


def _indented(head: str, text: str, width: int, status: str = "") -> Iterator[Line]:
    for index, part in enumerate(wrap(text, width - len(head))):
        yield Line(f"{' ' * len(head) if index else head}{part}".rstrip(), status)


def _result(report: Mapping[str, Any], width: int) -> Iterator[Line]:
    verdicts = [item["verdict"] for item in report["items"]]
    result = overall(report)
    left_out = verdicts.count(NOT_RUN)
    partial = f", {left_out} of {len(verdicts)} items not run" if left_out else ""
    yield from _indented("Items:    ", _counts(count(verdicts, VERDICTS)), width)
    yield from _indented("Findings: ", _counts(count(each["status"] for each in report["findings"])) or "none", width)
    yield Line(f"Result:   {WORDS[result]}{partial}", result)


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {WORDS[name].lower()}" for name, number in numbers.items() if number)
