# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the report's pictures show, read from the evidence of the findings: matrix, residency and timings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.checks import title
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    ITEMS,
    UNPROVEN,
    Finding,
    alike,
    subjects,
    with_status,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_outputs import calls, of_check
from ansible_collections.safesecrets.infra.plugins.module_utils.report import verdict
from ansible_collections.safesecrets.infra.plugins.module_utils.requirements_checklist import (
    SERVICES,
    is_call,
    scope,
    service_of_call,
)

Row = dict[str, Any]
Report = Mapping[str, Any]

#: The four witnesses of a service in a region, and which findings are theirs.
WITNESSES: dict[str, Callable[[Finding, str], bool]] = {
    "Simulation": lambda each, service: (
        each["id"] == "iam_policy.action_allowed" and each["subject"].startswith(f"{service}:")
    ),
    "Readiness": lambda each, service: (
        each["id"] == {"bedrock": "bedrock_access.model_ready", "polly": "polly_voices.voice_available"}.get(service)
    ),
    "Call from host": lambda each, service: is_call(each) and service_of_call(each) == service,
    "CloudTrail": lambda each, _service: each["id"] == "validation.denials",
}

#: Where Polly or Transcribe offer nothing that could be ready, or no voice is required.
NOT_ASKED = "not_applicable"


def matrix(report: Report) -> Row:
    """Return the verdict of each witness on each service in each region."""
    regions = scope(report["findings"]).regions
    return {
        "services": list(SERVICES.values()),
        "witnesses": list(WITNESSES),
        "rows": [
            {"region": region, "cells": [_cell(report, region, service) for service in SERVICES]} for region in regions
        ],
    }


def _cell(report: Report, region: str, service: str) -> Row:
    here = [each for each in report["findings"] if each["region"] == region]
    said = {
        name: verdict(each["status"] for each in here if belongs(each, service)) for name, belongs in WITNESSES.items()
    }
    if service == "transcribe" or (service == "polly" and said["Readiness"] == "not_run"):
        said["Readiness"] = NOT_ASKED
    return {
        "service": SERVICES[service],
        "verdict": _of_all(said.values()),
        "witnesses": [{"name": name, "verdict": status} for name, status in said.items()],
    }


def _of_all(verdicts: Iterable[str]) -> str:
    """A witness that was not heard leaves a cell unproven, unless none was."""
    heard = [each for each in verdicts if each != NOT_ASKED]
    worst = verdict(each for each in heard if each != "not_run")
    return UNPROVEN if "not_run" in heard and worst not in (FAIL, "not_run") else worst


def residency(report: Report) -> Row:
    """Return where each mode's data goes: its services, and the regions and providers in the order they are met."""
    modes = [_mode(each) for each in of_check(report, "residency.mode")]
    places: dict[str, None] = {}
    for mode in modes:
        for service in mode["services"]:
            places.update(dict.fromkeys(service["regions"]))
    return {"modes": modes, "places": list(places)}


def _mode(each: Mapping[str, Any]) -> Row:
    evidence = each["evidence"]
    exceeds = evidence.get("exceeds") or []
    services = [_served(service, exceeds) for service in evidence.get("services") or []]
    return {
        "mode": str(evidence.get("mode", each["subject"])),
        "name": str(evidence.get("name", "")),
        "promise": str(evidence.get("promise", "")),
        "status": each["status"],
        "detail": each["detail"],
        "remedy": each["remedy"],
        "services": services,
        "reached": _by_place(services, "regions"),
        "beyond": _by_place(services, "beyond"),
        "unread": _by_place([service for service in services if service["unread"]], "regions"),
    }


def _by_place(services: Iterable[Row], key: str) -> dict[str, list[str]]:
    """Return the services that reach each place, once each."""
    places: dict[str, dict[str, None]] = {}
    for service in services:
        for place in service[key]:
            places.setdefault(place, {})[service["service"]] = None
    return {place: list(names) for place, names in places.items()}


def _served(service: Mapping[str, Any], exceeds: Iterable[Mapping[str, Any]]) -> Row:
    regions = [str(region) for region in service.get("regions") or []] or ["not known"]
    beyond = [
        str(region)
        for excess in exceeds
        if excess.get("service") == service.get("service")
        for region in excess.get("regions") or []
    ]
    return {
        "service": str(service.get("service", "")),
        "region": str(service.get("region") or ""),
        "route": str(service.get("route") or ""),
        "regions": regions,
        "jurisdictions": [str(each) for each in service.get("jurisdictions") or []],
        "path": str(service.get("path") or ""),
        "unread": bool(service.get("unread")) or not service.get("regions"),
        "beyond": [region for region in regions if region in beyond],
    }


def timings(report: Report) -> Row:
    """Return the calls that took time, the slowest first, with each one's share of the slowest."""
    rows = [row for row in calls(report) if isinstance(row["latency_ms"], (int, float))]
    rows.sort(key=lambda row: -row["latency_ms"])
    slowest = max((row["latency_ms"] for row in rows), default=0)
    return {
        "slowest_ms": slowest,
        "rows": [{**row, "share": row["latency_ms"] / slowest if slowest else 0} for row in rows],
    }


def to_do(report: Report) -> list[Row]:
    """Return what is to be done, the failures first; findings that ask for the same stand together."""
    wanting = [*with_status(report["findings"], FAIL), *with_status(report["findings"], UNPROVEN)]
    return [
        {
            "status": group[0]["status"],
            "item": group[0]["item"],
            "title": title(group[0]["id"]),
            "subjects": subjects(group),
            "hosts": sorted({host for each in group for host in each["hosts"]} - {"localhost"}),
            "detail": group[0]["detail"],
            "remedy": group[0]["remedy"],
        }
        for group in alike(wanting)
    ]


def items(report: Report) -> list[Row]:
    """Return the items of the chain, each with its findings, what needs doing first."""
    worst = [FAIL, UNPROVEN]
    rows = []
    for item in report["items"]:
        found = [
            {**each, "title": title(each["id"]), "is_taken_over": each["run_id"] != report["run_id"]}
            for each in report["findings"]
            if each["item"] == item["item"]
        ]
        found.sort(key=lambda each: worst.index(each["status"]) if each["status"] in worst else len(worst))
        name = item["item"] if item["item"].startswith("INFRA") else item["item"].capitalize()
        rows.append({**item, "name": name, "findings": found, "title": item["title"] or ITEMS.get(item["item"], "")})
    return rows
