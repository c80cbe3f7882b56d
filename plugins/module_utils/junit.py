# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report as JUnit XML, for ticket systems and CI: a suite an item, a case a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    NOT_RUN,
    UNPROVEN,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_pages import items
from ansible_collections.safesecrets.infra.plugins.module_utils.report import enumerated

Report = Mapping[str, Any]

#: What XML 1.0 cannot carry, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """Return the document. What is unproven, not applicable or was not run is skipped, and says why: never passed."""
    root = ET.Element("testsuites", name="SafeSecrets Phase 2")
    suites = [_requirements(root, report), *(_suite(root, report, item) for item in items(report))]
    unowned = [task for task in report["failed_tasks"] if task["item"] is None]
    if unowned:
        suites.append(_new_suite(root, report, "Tasks outside the items"))
        for task in unowned:
            _error(suites[-1], "Tasks outside the items", task)
    for suite in suites:
        _count(suite)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _new_suite(root: ET.Element, report: Report, name: str) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=name, timestamp=report["finished_at"].rstrip("Z"), time="0")
    properties = ET.SubElement(suite, "properties")
    for key in ("run_id", "account_id", "collection_version"):
        ET.SubElement(properties, "property", name=key, value=_text(report[key] or "unknown"))
    return suite


def _requirements(root: ET.Element, report: Report) -> ET.Element:
    suite = _new_suite(root, report, "Validation checklist")
    for each in report["checklist"]:
        case = _case(suite, "Validation checklist", f"{each['number']}. {each['text']}")
        _outcome(case, each["verdict"], each["detail"], each["remedy"], "validation_checklist")
    return suite


def _suite(root: ET.Element, report: Report, item: Mapping[str, Any]) -> ET.Element:
    name = f"{item['name']}: {item['title']}"
    suite = _new_suite(root, report, name)
    for each in item["findings"]:
        where = f" in {each['region']}" if each["region"] else ""
        hosts = [host for host in each["hosts"] if host != "localhost"]
        case = _case(
            suite, name, f"{each['title']}: {each['subject']}{where}" + (f" on {enumerated(hosts)}" if hosts else "")
        )
        _outcome(case, each["status"], each["detail"], each["remedy"], each["id"])
    for task in report["failed_tasks"]:
        if task["item"] == item["item"]:
            _error(suite, name, task)
    if item["verdict"] == NOT_RUN:
        _outcome(_case(suite, name, item["title"]), NOT_RUN, "This item was not run.", "", "not_run")
    return suite


def _case(suite: ET.Element, name: str, title: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_text(name), name=_text(title), time="0")


def _outcome(case: ET.Element, status: str, detail: str, remedy: str, kind: str) -> None:
    said = {UNPROVEN: "Unproven: ", NOT_APPLICABLE: "Not applicable: ", NOT_RUN: "Not run: "}
    told = f"{detail}\nRemedy: {remedy}" if remedy else detail
    if status == FAIL:
        ET.SubElement(case, "failure", message=_text(detail), type=kind).text = _text(told)
    elif status in said:
        ET.SubElement(case, "skipped", message=_text(f"{said[status]}{told}"))
    else:
        ET.SubElement(case, "system-out").text = _text(detail)


def _error(suite: ET.Element, name: str, task: Mapping[str, Any]) -> None:
    case = _case(suite, name, f"{task['task']} on {task['host']}")
    kind = "unreachable" if task["unreachable"] else "failed_task"
    ET.SubElement(case, "error", message=_text(task["message"]), type=kind).text = _text(task["message"])


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, outcome in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{outcome}"))))


def _text(value: Any) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value))
