# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Validation Checklist of the requirements, each of its items decided by the findings that carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.checks import title
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    NOT_RUN,
    PASS,
    UNPROVEN,
    Finding,
    subjects,
    with_status,
)

Row = dict[str, Any]
Carries = Callable[[Finding], bool]

SERVICES = {"bedrock": "Bedrock", "transcribe": "Transcribe", "polly": "Polly"}


@dataclass(frozen=True)
class Part:
    """One proof that an item needs: without a finding of it the item does not pass."""

    what: str
    carries: Carries


@dataclass(frozen=True)
class Requirement:
    """An item of the Validation Checklist.

    items: the items of the chain whose steps prove it. watched: findings that spoil it, if there are any.
    """

    text: str
    items: tuple[str, ...]
    parts: tuple[Part, ...]
    watched: Carries = lambda _finding: False


@dataclass(frozen=True)
class Scope:
    """The configured regions, and those among them that are new to the application."""

    regions: tuple[str, ...]
    new: tuple[str, ...]


def scope(findings: Iterable[Finding]) -> Scope:
    """Return the regions as the configuration's finding names them; none where the configuration was not sound."""
    for each in findings:
        if each["id"] == "prerequisites.configuration" and "regions" in each["evidence"]:
            named = each["evidence"]["regions"]
            home = named.get(each["evidence"].get("default_region"))
            regions = tuple(named.values())
            return Scope(regions, tuple(region for region in regions if region != home) or regions)
    return Scope((), ())


def requirements(where: Scope) -> list[Requirement]:
    """Return the seven items of the checklist for the configured regions."""
    everywhere, new = " and ".join(where.regions), " and ".join(where.new)
    return [
        Requirement(
            f"IAM role permits Bedrock, Transcribe, Polly in {everywhere}",
            ("INFRA-P2-1",),
            _for_each(where.regions, "permission", _permits),
            _of("iam_policy.ec2_trust", "iam_policy.region_lock", "iam_policy.statement_undecided"),
        ),
        Requirement(
            f"Bedrock models accessible in {new} (tested by a call)",
            ("INFRA-P2-2", "validation"),
            (*_in_each(where.new, "model", "bedrock_access.model_ready"), *_calls(where.new, ("bedrock",))),
        ),
        Requirement(
            f"Polly Generative voices confirmed in {new}",
            ("INFRA-P2-3",),
            _in_each(where.new, "required voice", "polly_voices.voice_available"),
        ),
        Requirement(
            "Environment variables configured for multi-region routing",
            ("INFRA-P2-5",),
            _in_each(where.regions, "variables", "environment.variables"),
        ),
        Requirement(
            "Smartest.ai API key obtained and configured",
            ("INFRA-P2-6",),
            (Part("key and endpoint", lambda each: each["id"] == "smartest_ai.configured"),),
            lambda each: each["item"] == "INFRA-P2-6",
        ),
        Requirement(
            f"Test calls to {new} services succeed from EC2 instance",
            ("validation",),
            _calls(where.new, tuple(SERVICES)),
        ),
        Requirement(
            "No region-specific IAM denials in CloudTrail logs",
            ("validation",),
            _in_each(where.regions, "CloudTrail", "validation.denials"),
        ),
    ]


def requirements_checklist(findings: Sequence[Finding], failed_tasks: Iterable[Mapping[str, Any]] = ()) -> list[Row]:
    """Return each item with its verdict, what was seen, the remedy, and the checks whose findings carry it.

    An item passes only when every proof that it needs was observed and nothing that bears on it failed or is unproven.
    """
    where = scope(findings)
    failed = {task["item"]: task["message"] for task in failed_tasks}
    if where.regions:
        rows = [{"text": each.text, **_judged(each, findings, failed)} for each in requirements(where)]
    else:
        reason = "The configuration was not found sound."
        rows = [{"text": each.text, **_row(NOT_RUN, reason)} for each in requirements(_UNKNOWN)]
    return [{"number": number, **row} for number, row in enumerate(rows, 1)]


_UNKNOWN = Scope(("the configured regions",), ("the new region",))


def _judged(requirement: Requirement, findings: Sequence[Finding], failed: Mapping[str, str]) -> Row:
    bearing = [each for each in findings if _carries(requirement, each) or requirement.watched(each)]
    carrying = [each for each in bearing if _carries(requirement, each)]
    checks = sorted({each["id"] for each in bearing})
    missing = [part.what for part in requirement.parts if not any(part.carries(each) for each in carrying)]
    not_seen, rerun = f"Not looked at: {', '.join(missing)}.", "Run playbooks/site.yml without narrowing it."
    broken = [item for item in requirement.items if item in failed]
    if failures := with_status(bearing, FAIL):
        return _row(FAIL, _worst(failures), failures[0]["remedy"], checks)
    if broken:
        detail = f"A task of {broken[0]} failed: {failed[broken[0]]}"
        return _row(FAIL, detail, "Mend what the task names, and run again.", checks)
    if not carrying:
        return _row(NOT_RUN, not_seen)
    if undecided := with_status(bearing, UNPROVEN):
        return _row(UNPROVEN, _worst(undecided), undecided[0]["remedy"], checks)
    return _row(UNPROVEN, not_seen, rerun, checks) if missing else _held(carrying, checks)


def _carries(requirement: Requirement, each: Finding) -> bool:
    return any(part.carries(each) for part in requirement.parts)


def _held(carrying: Sequence[Finding], checks: Sequence[str]) -> Row:
    passed = with_status(carrying, PASS)
    if not passed:
        return _row(NOT_APPLICABLE, carrying[0]["detail"], "", checks)
    counted = f"{len(passed)} {'proof' if len(passed) == 1 else 'proofs'}"
    return _row(PASS, f"{counted}: {', '.join(_titles(passed))}.", "", checks)


def _row(verdict: str, detail: str, remedy: str = "", checks: Sequence[str] = ()) -> Row:
    return {"verdict": verdict, "detail": detail, "remedy": remedy, "checks": list(checks)}


def _worst(found: Sequence[Finding]) -> str:
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    return f"{subjects(found[:1])}: {found[0]['detail']}{more}"


def _titles(findings: Iterable[Finding]) -> list[str]:
    counted: dict[str, int] = {}
    for each in findings:
        counted[each["id"]] = counted.get(each["id"], 0) + 1
    return [f"{title(identifier)} ({number})" for identifier, number in counted.items()]


def _of(*identifiers: str) -> Carries:
    return lambda each: each["id"] in identifiers


def _in_each(regions: Iterable[str], what: str, identifier: str) -> tuple[Part, ...]:
    def carries_in(region: str) -> Carries:
        return lambda each: each["id"] == identifier and each["region"] == region

    return tuple(Part(f"{what} in {region}", carries_in(region)) for region in regions)


def _for_each(regions: Iterable[str], what: str, carries: Callable[[str, str], Carries]) -> tuple[Part, ...]:
    return tuple(
        Part(f"{what} of {name} in {region}", carries(service, region))
        for region in regions
        for service, name in SERVICES.items()
    )


def _permits(service: str, region: str) -> Carries:
    """Match by the action's service: a finding of the simulation has the action as its subject."""
    return lambda each: (
        each["id"] == "iam_policy.action_allowed"
        and each["region"] == region
        and str(each["subject"]).startswith(f"{service}:")
    )


def _calls(regions: Iterable[str], services: Iterable[str]) -> tuple[Part, ...]:
    def carries(service: str, region: str) -> Carries:
        return lambda each: is_call(each) and each["region"] == region and service_of_call(each) == service

    return tuple(
        Part(f"call to {SERVICES[service]} in {region}", carries(service, region))
        for region in regions
        for service in services
    )


def is_call(finding: Finding) -> bool:
    """Tell whether a finding is of a real call that is to succeed; those that are to be refused prove the contrary."""
    return bool(finding["id"] == "validation.call" and finding["evidence"].get("expectation") == "allowed")


def service_of_call(finding: Finding) -> str:
    """Return the service of a call by its IAM action, which knows Bedrock by one name."""
    return str(finding["evidence"].get("action") or finding["evidence"].get("service") or "").partition(":")[0]
