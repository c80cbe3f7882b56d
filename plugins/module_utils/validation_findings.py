# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the calls from a host prove: a finding for each, and for each disagreement of its witnesses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    PASS,
    UNPROVEN,
    Finding,
    finding,
    moment,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import INFERENCE_PROFILE, parse
from ansible_collections.safesecrets.infra.plugins.module_utils.trail_events import (
    explained,
    remedy_of,
    sentence_of,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_calls import PROVIDER, REFUSED
from ansible_collections.safesecrets.infra.plugins.module_utils.validation_witnesses import (
    UNKNOWN,
    Seen,
    action_of,
    disagreement,
    is_iam_denial,
    witnesses,
)

Row = Mapping[str, Any]

ITEM = "validation"
CALL, WITNESSES, STATIC_KEYS = "validation.call", "validation.witnesses", "validation.static_keys"
PASSING_ERRORS = (
    "ThrottlingException",
    "ServiceUnavailableException",
    "InternalServerException",
    "ModelTimeoutException",
)
HOST_CALL = ("status", "error_code", "message", "request_id", "latency_ms", "attempted_at", "http_status", "answer")


def findings_of_calls(probe: Row, calls: Sequence[Row], seen: Seen) -> list[Finding]:
    """Judge the host's static keys, and every call that it was asked for.

    probe: the result of service_probe. calls: what it was asked for; the provider's call has the service "provider".
    """
    found = _static_keys(probe["static_keys"])
    if not probe["results"]:
        return [*found, *(_not_made(call, bool(probe["static_keys"]["found"])) for call in calls)]
    timing = {"slowest_call_ms": probe["timing"]["slowest_call_ms"], "probe_ms": probe["timing"]["total_ms"]}
    of_aws = [result for result in probe["results"] if result["service"] != PROVIDER]
    found += [_call(result, witnesses(result, seen), timing) for result in of_aws]
    return [*found, *(_provider(result) for result in probe["results"] if result["service"] == PROVIDER)]


def _static_keys(keys: Row) -> list[Finding]:
    found = []
    remedy = "Remove them and revoke the key: the application's credentials come from the instance profile."
    for place in dict.fromkeys(each["place"] for each in keys["found"]):
        names = ", ".join(each["name"] for each in keys["found"] if each["place"] == place)
        detail = f"It holds static AWS keys, which an SDK would take before the instance profile's: {names}."
        found.append(finding(STATIC_KEYS, ITEM, place, FAIL, detail, remedy=remedy, evidence=dict(keys)))
    for each in keys["unreadable"]:
        detail = f"It could not be looked at for static AWS keys: {each['reason']}."
        remedy = (
            "Let the connecting user become root (safesecrets_become), or take it from validation_credential_places."
        )
        found.append(finding(STATIC_KEYS, ITEM, each["place"], UNPROVEN, detail, remedy=remedy, evidence=dict(keys)))
    if not found:
        found.append(
            finding(STATIC_KEYS, ITEM, "static AWS keys", PASS, "None was found on the host.", evidence=dict(keys))
        )
    return found


def subject_of(call: Row) -> str:
    """Name what is called."""
    if call["service"] == PROVIDER:
        return f"GET {call['url']}"
    what = call.get("model_id") or (f"{call['voice']} ({call['engine']})" if call.get("voice") else "")
    control = ", which must be refused" if call["expectation"] == REFUSED else ""
    return f"{action_of(call)}{' ' if what else ''}{what}{control}"


def _not_made(call: Row, static_keys: bool) -> Finding:
    if static_keys:
        detail = "Not called: static keys are on the host, and a call would not prove the instance profile."
        remedy = "Remove the static keys, and run again."
    else:
        detail = "Not called in check mode, because calls are billed: the proof from the host is lacking."
        remedy = "Run without check mode."
    return _finding(call, UNPROVEN, detail, remedy, {})


def _finding(call: Row, status: str, detail: str, remedy: str, evidence: Mapping[str, Any]) -> Finding:
    attempted = call.get("attempted_at")
    return finding(
        CALL,
        ITEM,
        subject_of(call),
        status,
        detail,
        region=call.get("region"),
        remedy=remedy,
        evidence={**_facts(call), **evidence},
        observed_at=moment(attempted) if attempted else None,
    )


def _facts(call: Row) -> dict[str, Any]:
    return {
        "service": "smartest_ai" if call["service"] == PROVIDER else call["service"],
        "operation": call.get("operation", "GET"),
        "action": action_of(call),
        "region": call.get("region"),
        "route": _route(call),
        "expectation": call.get("expectation", "allowed"),
    }


def _route(call: Row) -> dict[str, Any]:
    model_id = call.get("model_id")
    if not model_id:
        return {"kind": "none", **{key: call[key] for key in ("voice", "engine") if call.get(key)}}
    if parse(model_id, call["region"]).kind == INFERENCE_PROFILE:
        return {"kind": "inference_profile", "inference_profile": model_id}
    return {"kind": "on_demand", "model_id": model_id}


def _call(result: Row, statements: Sequence[Row], timing: Mapping[str, Any]) -> Finding:
    judge = _refusal if result["expectation"] == REFUSED else _success
    evidence = {
        "host_call": {key: result.get(key) for key in HOST_CALL},
        "witnesses": list(statements),
        **timing,
    }
    return _finding(result, *judge(result), evidence)


def _success(result: Row) -> tuple[str, str, str]:
    told = f"{result.get('error_code') or ''}: {result.get('message') or ''}".strip(": ")
    if result["status"] == "ok":
        return PASS, "The call from the host succeeded.", ""
    if is_iam_denial(result):
        denial = explained(result["region"], str(result["message"] or ""), result["operation"])
        return FAIL, f"{sentence_of(denial)}. AWS says: {told}", remedy_of(denial)
    if result["status"] == "unanswered":
        remedy = (
            "See whether the host reaches this endpoint on port 443: playbooks/egress.yml, routes and name resolution."
        )
        return FAIL, f"The host got no answer: {told}.", remedy
    if result["status"] == "wrong_answer":
        return FAIL, f"The answer is not what was asked for: {told}.", "Find out what answers in the service's place."
    if result.get("error_code") in PASSING_ERRORS:
        return UNPROVEN, f"AWS could not serve the call just now: {told}.", "Run playbooks/validate.yml again."
    remedy = (
        "Run playbooks/bedrock_access.yml: it names what the model needs, or its successors."
        if result["service"] == "bedrock"
        else "Do what AWS's text asks for; the engine and the voices are in safesecrets_regions."
    )
    return FAIL, f"AWS did not serve the call: {told}", remedy


def _refusal(result: Row) -> tuple[str, str, str]:
    if is_iam_denial(result):
        return PASS, "The call from the host was refused, as it must be.", ""
    if result["status"] == "ok":
        remedy = "Narrow the statement that allows it: playbooks/iam_policy.yml --check shows which one matches."
        return FAIL, "The call succeeded, though the role must not be able to make it.", remedy
    told = f"{result.get('error_code') or result['status']}: {result.get('message') or ''}".strip(": ")
    remedy = "Choose another control in validation_control_region or validation_control_model, and run again."
    return UNPROVEN, f"It failed for another reason than a policy, so that proves no refusal: {told}", remedy


def _provider(result: Row) -> Finding:
    evidence = {"host_call": {key: result.get(key) for key in HOST_CALL}, "witnesses": []}
    told = f"{result.get('error_code') or ''}: {result.get('message') or ''}".strip(": ")
    if result["status"] == "ok":
        return _finding(result, PASS, "The provider takes the key that the host's file holds.", "", evidence)
    if result["status"] == "refused":
        detail, remedy = (
            f"The provider refuses the key: {told}",
            "Store a valid key, and run playbooks/smartest_ai.yml.",
        )
    elif result.get("error_code") == "NoKey":
        detail, remedy = f"{result['message']}, so there is no key to call with.", "Run playbooks/smartest_ai.yml."
    else:
        detail = f"The provider did not answer the call as it should: {told}"
        remedy = "See smartest_ai_endpoint and smartest_ai_check_url, and whether the host reaches it on port 443."
    return _finding(result, FAIL, detail, remedy, evidence)


def findings_of_witnesses(results: Iterable[Row], seen: Seen) -> Iterator[Finding]:
    """Report each disagreement, and for each region where there is none how much the witnesses say."""
    by_region: dict[str, list[tuple[Row, Sequence[Row]]]] = {}
    for result in results:
        if result["service"] != PROVIDER:
            by_region.setdefault(result["region"], []).append((result, witnesses(result, seen)))
    for region, rows in by_region.items():
        found = [each for each in (_disagreement(result, statements) for result, statements in rows) if each]
        yield from found
        if not found:
            said = [each for _result, statements in rows for each in statements]
            known = [each for each in said if each["says"] != UNKNOWN]
            evidence = {"statements": len(said), "known": len(known)}
            detail = f"{len(known)} statements on {len(rows)} calls, and none contradicts another."
            yield finding(WITNESSES, ITEM, "all witnesses", PASS, detail, region=region, evidence=evidence)


def _disagreement(result: Row, statements: Sequence[Row]) -> Finding | None:
    found = disagreement(result, statements)
    if found is None:
        return None
    detail = f"The witnesses disagree: {found['what']}. The likely reason: {found['reason']}."
    evidence = {**_facts(result), "witnesses": list(statements), "reason": found["reason"]}
    return finding(
        WITNESSES,
        ITEM,
        subject_of(result),
        UNPROVEN,
        detail,
        region=result["region"],
        remedy=found["remedy"],
        evidence=evidence,
    )
