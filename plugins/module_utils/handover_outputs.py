# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The five outputs that the requirements want for development, each read from the evidence of the findings."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import PASS, Finding
from ansible_collections.safesecrets.infra.plugins.module_utils.report import enumerated
from ansible_collections.safesecrets.infra.plugins.module_utils.requirements_checklist import scope

Row = dict[str, Any]
Report = Mapping[str, Any]

#: A line of the environment file that each of its readers takes for the same value without quotes.
_SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SAFE_VALUE = re.compile(r"(?!~)(?!.*:~)[A-Za-z0-9_./:@%+,=-]+\Z")


def of_check(report: Report, identifier: str) -> list[Finding]:
    """Return the findings of a check."""
    return [each for each in report["findings"] if each["id"] == identifier]


def models(report: Report) -> list[Row]:
    """Return each region with its default model and the readiness and route of every configured model."""
    defaults: dict[str, list[str]] = {}
    for each in of_check(report, "environment.variables"):
        for name, value in each["evidence"].get("variables", {}).items():
            if name.startswith("BEDROCK_MODEL_ID_") and value not in defaults.setdefault(each["region"], []):
                defaults[each["region"]].append(value)
    ready = of_check(report, "bedrock_access.model_ready")
    regions = dict.fromkeys([*scope(report["findings"]).regions, *(each["region"] for each in ready), *defaults])
    return [
        {
            "region": region,
            "defaults": defaults.get(region, []),
            "models": [_model(each, defaults.get(region, [])) for each in ready if each["region"] == region],
        }
        for region in regions
    ]


def _model(each: Finding, defaults: Sequence[str]) -> Row:
    evidence = each["evidence"]
    route = evidence.get("route") or {}
    lifecycle = evidence.get("lifecycle") or {}
    return {
        "model_id": each["subject"],
        "status": each["status"],
        "detail": each["detail"],
        "is_default": each["subject"] in defaults,
        "route": str(route.get("kind") or "").replace("_", " "),
        "route_id": route.get("id") or route.get("arn") or "",
        "destinations": [str(destination) for destination in route.get("destinations") or []],
        "lifecycle": lifecycle.get("status") or "",
        "days_left": lifecycle.get("days_left"),
    }


def policies(report: Report) -> list[Row]:
    """Return each policy document of the role, and what the run changed of it."""
    return [
        {
            "name": each["evidence"].get("policy_name", each["subject"]),
            "status": each["status"],
            "detail": each["detail"],
            "document": pretty(each["evidence"].get("policy_document")),
            **_change(each["evidence"]),
        }
        for each in of_check(report, "iam_policy.policy_document")
    ]


def _change(evidence: Mapping[str, Any]) -> Row:
    """Compare with the document before the run; a report that does not know it says so instead of showing no change."""
    if "former_policy_document" not in evidence:
        return {"change": "unknown", "diff": []}
    former, now = pretty(evidence["former_policy_document"]), pretty(evidence.get("policy_document"))
    if former == now:
        return {"change": "none", "diff": []}
    lines = list(difflib.ndiff(former.splitlines(), now.splitlines()))
    kinds = {"+ ": "added", "- ": "removed", "  ": "same"}
    return {
        "change": "changed" if former else "created",
        "diff": [{"kind": kinds[line[:2]], "text": line[2:]} for line in lines if line[:2] in kinds],
    }


def pretty(document: Any) -> str:
    """Return a policy document as text, nothing for none."""
    return json.dumps(document, indent=2) if document else ""


def voices(report: Report) -> list[Row]:
    """Return the voices by region and engine, those that are required first among them."""
    required = {
        (each["region"], each["subject"]): each["status"] for each in of_check(report, "polly_voices.voice_available")
    }
    lists = [_listed(each, required) for each in of_check(report, "polly_voices.voices_listed")]
    return sorted(lists, key=lambda listed: not listed["is_required"])


def _listed(each: Finding, required: Mapping[tuple[str, str], str]) -> Row:
    region, engine = each["region"], each["evidence"].get("engine", "")
    rows = [
        {**voice, "required": required.get((region, f"{voice.get('id')} ({engine})"), "")}
        for voice in each["evidence"].get("voices", [])
    ]
    return {
        "region": region,
        "engine": engine,
        "voices": sorted(rows, key=lambda voice: not voice["required"]),
        "is_required": any(voice["required"] for voice in rows),
    }


def provider(report: Report) -> Row | None:
    """Return where the provider's key is kept, its short fingerprint and the endpoint; None where it is not known."""
    for each in of_check(report, "smartest_ai.configured"):
        evidence = each["evidence"]
        return {
            "status": each["status"],
            "detail": each["detail"],
            "key_name": evidence.get("key_name", ""),
            "key_source": evidence.get("key_source", ""),
            "key_fingerprint": evidence.get("key_fingerprint", ""),
            "endpoint_name": evidence.get("endpoint_name", ""),
            "endpoint": evidence.get("endpoint", ""),
        }
    return None


def calls(report: Report) -> list[Row]:
    """Return the calls from the hosts, those that are to be refused last."""
    rows = [_call(each) for each in of_check(report, "validation.call")]
    return sorted(rows, key=lambda row: bool(row["expectation"] == "refused"))


def _call(each: Finding) -> Row:
    evidence = each["evidence"]
    answer = evidence.get("host_call") or {}
    route = evidence.get("route") or {}
    return {
        "status": each["status"],
        "detail": each["detail"],
        "hosts": each["hosts"],
        "region": each["region"],
        "service": str(evidence.get("service") or ""),
        "operation": str(evidence.get("operation") or evidence.get("action") or each["subject"]),
        "what": str(route.get("inference_profile") or route.get("model_id") or route.get("voice") or ""),
        "expectation": str(evidence.get("expectation") or ""),
        "answer": str(answer.get("error_code") or answer.get("status") or ""),
        "request_id": str(answer.get("request_id") or ""),
        "latency_ms": answer.get("latency_ms"),
        "attempted_at": str(answer.get("attempted_at") or ""),
    }


def environment_lines(report: Report) -> Iterator[str]:
    """Yield the lines of the ``.env`` fragment: what the hosts' files hold, and never a secret."""
    yield f"# SafeSecrets Phase 2, region routing: account {report['account_id'] or 'unknown'}, {report['finished_at']}"
    yield f"# Run {report['run_id']}. AWS credentials come from the instance profile: no key belongs here."
    found = of_check(report, "environment.variables")
    if not found:
        yield "# The environment file was not looked at in this run."
    written: dict[str, str] = {}
    alike: dict[tuple[Any, ...], list[Finding]] = {}
    for each in found:
        variables = json.dumps(each["evidence"].get("variables", {}), sort_keys=True)
        alike.setdefault((each["region"], each["status"] == PASS, variables), []).append(each)
    for (region, is_proven, _variables), group in alike.items():
        hosts = enumerated(host for each in group for host in each["hosts"])
        yield one_line(f"# {region} on {hosts}: {'proven' if is_proven else 'NOT PROVEN'}")
        yield from _assignments(group[0]["evidence"].get("variables", {}), written)
    yield from _provider_lines(report, written)


def _assignments(variables: Mapping[str, str], written: dict[str, str]) -> Iterator[str]:
    """Yield each variable once; a host whose value differs is seen as a comment."""
    for name, value in variables.items():
        if not (_SAFE_NAME.match(str(name)) and _SAFE_VALUE.match(str(value))):
            yield "# A variable is left out here: its name or value is not safe without quotes."
        elif name not in written:
            written[name] = value
            yield f"{name}={value}"
        elif written[name] != value:
            yield f"# {name} differs here: {value}"


def _provider_lines(report: Report, written: dict[str, str]) -> Iterator[str]:
    known = provider(report)
    if known is None or not known["key_name"]:
        return
    yield "# Speech provider of mode 4"
    yield from _assignments({known["endpoint_name"]: known["endpoint"]}, written)
    source, short = (one_line(known[name]) for name in ("key_source", "key_fingerprint"))
    yield f"# {one_line(known['key_name'])} is kept in {source} (fingerprint {short}); it is never written here."


def one_line(text: Any) -> str:
    """Return the text without what would end a comment's line."""
    return " ".join(str(text).split())


def environment_fragment(report: Report) -> str:
    """Return the ``.env`` fragment for developers."""
    return "\n".join(one_line(line) for line in environment_lines(report)) + "\n"


def hosts(findings: Iterable[Finding]) -> list[str]:
    """Return the hosts that observed something, the controller aside."""
    return list(dict.fromkeys(host for each in findings for host in each["hosts"] if host != "localhost"))
