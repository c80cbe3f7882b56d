# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report of a run: the findings of all its hosts, and a verdict for each item of the chain.

Its form is ``docs/schemas/report.schema.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.checks import title as title_of_check
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    ITEMS,
    NOT_APPLICABLE,
    NOT_RUN,
    PASS,
    STATUSES,
    UNPROVEN,
    Finding,
    timestamp,
    with_status,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.requirements_checklist import requirements_checklist

SCHEMA_VERSION = 2

#: What tells a finding from another: the same check of the same thing again replaces the earlier one.
IDENTITY = ("item", "id", "subject", "region")

#: What check mode proves nothing of.
WITHOUT_CHECK_MODE = ("validation",)

#: How many hosts or runs a sentence names.
NAMED = 10

#: The worst first: an item is as good as its worst finding.
VERDICTS = (FAIL, UNPROVEN, PASS, NOT_APPLICABLE, NOT_RUN)


@dataclass(frozen=True)
class Run:
    """What is known of a run apart from its findings.

    configuration: the fingerprint of the chain's configuration, None when the run ended before it was known.
    """

    run_id: str
    started_at: datetime
    finished_at: datetime
    playbook: str
    check_mode: bool
    account_id: str | None
    collection_version: str
    configuration: str | None = None


@dataclass(frozen=True)
class FailedTask:
    """A task that failed outside the findings, or a host that could not be reached."""

    host: str
    task: str
    item: str | None
    message: str
    unreachable: bool = False


def newest(findings: Iterable[Finding]) -> list[Finding]:
    """Keep of each check, subject and region what was observed last."""
    kept: dict[tuple[Any, ...], Finding] = {}
    for each in findings:
        key = tuple(each[name] for name in IDENTITY)
        if key not in kept or kept[key]["observed_at"] <= each["observed_at"]:
            kept[key] = each
    return list(kept.values())


def merged(observations: Mapping[str, Iterable[Finding]]) -> list[Finding]:
    """Merge the hosts' findings in the chain's order; ``hosts`` tells who observed each.

    Hosts that observed different things keep a finding each: one host's success hides no other's failure. What was
    observed by different runs is kept apart, too.
    """
    together: dict[tuple[Any, ...], list[tuple[str, Finding]]] = {}
    for host, findings in observations.items():
        for each in newest(findings):
            key = tuple(each.get(name) for name in (*IDENTITY, "status", "detail", "run_id"))
            together.setdefault(key, []).append((host, each))
    rows = [
        {
            **max((each for _host, each in seen), key=lambda each: str(each["observed_at"])),
            "hosts": [host for host, _each in seen],
        }
        for seen in together.values()
    ]
    order = list(ITEMS)
    return sorted(rows, key=lambda row: order.index(row["item"]))


def drift(observations: Iterable[Iterable[Finding]]) -> list[Finding]:
    """Return what of the hosts' findings is not as configured, as far as a run in check mode can tell."""
    found = with_status((each for seen in observations for each in newest(seen)), FAIL, UNPROVEN)
    return [each for each in found if each["status"] == FAIL or each["item"] not in WITHOUT_CHECK_MODE]


def verdict(statuses: Iterable[str]) -> str:
    """Return the worst of the statuses, or :data:`NOT_RUN` when there is none."""
    return min(statuses, key=VERDICTS.index, default=NOT_RUN)


def count(statuses: Iterable[str], names: Sequence[str] = STATUSES) -> dict[str, int]:
    """Count the statuses; each name has its number, be it 0."""
    seen = list(statuses)
    return {name: seen.count(name) for name in names}


def build_report(
    run: Run,
    observations: Mapping[str, Iterable[Finding]],
    failed_tasks: Iterable[FailedTask] = (),
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """Build the report. An item in which a task failed has failed, whatever was found before.

    observations: findings by host; those of an earlier run carry its ``run_id``.
    notes: what narrowed or ended the run.
    """
    findings = [{**each, "run_id": each.get("run_id", run.run_id)} for each in merged(observations)]
    failed = [asdict(task) for task in failed_tasks]
    items = []
    for item, title in ITEMS.items():
        statuses = [each["status"] for each in findings if each["item"] == item]
        broken = [FAIL for task in failed if task["item"] == item]
        items.append({"item": item, "title": title, "verdict": verdict(statuses + broken), "counts": count(statuses)})
    return {
        "schema_version": SCHEMA_VERSION,
        **asdict(run),
        "started_at": timestamp(run.started_at),
        "finished_at": timestamp(run.finished_at),
        "notes": list(notes),
        "checklist": requirements_checklist(findings, failed),
        "items": items,
        "findings": findings,
        "failed_tasks": failed,
    }


def lacking_in_check_mode(findings: Iterable[Finding]) -> list[str]:
    """Name the proofs that a run without check mode would have given, each with its regions."""
    regions: dict[str, list[str]] = {}
    for each in with_status(findings, UNPROVEN):
        if _WITHOUT_CHECK_MODE.search(each["remedy"]):
            regions.setdefault(title_of_check(each["id"]), []).append(each["region"] or "")
    return [
        name + (f" in {', '.join(sorted(where))}" if (where := set(seen) - {""}) else "")
        for name, seen in regions.items()
    ]


#: How the steps say that only check mode kept something from being proven.
_WITHOUT_CHECK_MODE = re.compile(r"without (?:--check|check mode)", re.IGNORECASE)


def enumerated(names: Iterable[str]) -> str:
    """Name each once; of many the first, and how many more there are."""
    names = list(dict.fromkeys(names))
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def taken_over(report: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of earlier runs."""
    return [each for each in report["findings"] if each["run_id"] != report["run_id"]]


def overall(report: Mapping[str, Any]) -> str:
    """Return the verdict on the whole run; items that did not run do not count."""
    if report["failed_tasks"]:
        return FAIL
    return verdict(item["verdict"] for item in report["items"] if item["verdict"] != NOT_RUN)
