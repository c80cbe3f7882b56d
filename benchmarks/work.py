"""The work that every contender does, as pure functions: what is asked, what is wanted, and how answers are judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Regions = Mapping[str, Any]
OPERATIONS = ("InvokeModel", "InvokeModelWithResponseStream", "SynthesizeSpeech", "StartStreamTranscription")
BEDROCK_ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
SPEECH_ACTIONS = ("polly:SynthesizeSpeech", "transcribe:StartStreamTranscription")
ANY_VOICE, SPOKEN, LANGUAGE = "Joanna", "Ready.", "en-US"
HTTPS = 443
USE_CASE = {
    "companyName": "SafeSecrets",
    "companyWebsite": "https://safesecrets.example",
    "intendedUsers": "0",
    "industryOption": "Technology",
    "otherIndustryOption": "",
    "useCases": "A voice assistant.",
}


def models(regions: Regions) -> dict[str, list[str]]:
    """The models of each region."""
    return {
        entry["region"]: list(dict.fromkeys([entry["models"]["default"], *entry["models"]["allowlist"]]))
        for entry in regions.values()
    }


def engines(regions: Regions) -> list[tuple[str, str]]:
    """The engine of each region."""
    return [(entry["region"], entry["voices"]["engine"]) for entry in regions.values()]


def variables(regions: Regions, default: str) -> dict[str, str]:
    """The variables of INFRA-P2-5, in the order of requirements."""
    of = {"AWS_REGION_DEFAULT": regions[default]["region"]}
    of |= {f"AWS_REGION_{entry['name']}": entry["region"] for entry in regions.values()}
    of |= {f"BEDROCK_MODEL_ID_{code}": entry["models"]["default"] for code, entry in regions.items()}
    of |= {f"BEDROCK_MODEL_ALLOWLIST_{code}": ",".join(entry["models"]["allowlist"]) for code, entry in regions.items()}
    of |= {f"POLLY_REGION_{code}": entry["region"] for code, entry in regions.items()}
    return of | {f"TRANSCRIBE_REGION_{code}": entry["region"] for code, entry in regions.items()}


def with_blocks(text: str, blocks: Mapping[str, Mapping[str, str]]) -> str:
    """The file with each block in place of the one of its name, or at its end."""
    for name, values in blocks.items():
        begin, end = f"# BEGIN safesecrets.infra {name}\n", f"# END safesecrets.infra {name}\n"
        lines = "".join(f"{variable}={value}\n" for variable, value in values.items())
        said = "# Written by Ansible: what stands between the markers is overwritten.\n"
        block = f"{begin}{said}{lines}{end}"
        found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = found.sub(lambda _: block, text) if found.search(text) else f"{text.rstrip()}\n{block}"  # noqa: B023
    return text


def model_arn(region: str, model: str) -> str:
    """The ARN of a foundation model."""
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def simulations(regions: Regions, control_region: str, control_model: str) -> list[dict[str, Any]]:
    """What is asked of the policy simulator: per region the models with one that is not allowed, and speech."""
    asked = []
    for region, ids in models(regions).items():
        allowed = [model_arn(region, each) for each in ids]
        resources = [*allowed, model_arn(region, control_model)]
        asked.append({"region": region, "actions": BEDROCK_ACTIONS, "resources": resources, "allowed": allowed})
        asked.append({"region": region, "actions": SPEECH_ACTIONS, "resources": ["*"], "allowed": ["*"]})
    if control_region not in models(regions):
        some = next(iter(models(regions).values()))[0]
        outside = [model_arn(control_region, some)]
        asked.append({"region": control_region, "actions": BEDROCK_ACTIONS, "resources": outside, "allowed": []})
        asked.append({"region": control_region, "actions": SPEECH_ACTIONS, "resources": ["*"], "allowed": []})
    return asked


def question(role_arn: str, simulation: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of SimulatePrincipalPolicy."""
    context = [("aws:RequestedRegion", simulation["region"], "string"), ("aws:SecureTransport", "true", "boolean")]
    return {
        "PolicySourceArn": role_arn,
        "ActionNames": list(simulation["actions"]),
        "ResourceArns": list(simulation["resources"]),
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind} for key, value, kind in context
        ],
    }


def simulation_faults(simulation: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every action and resource whose decision is not the wanted one, or is missing."""
    decided = {}
    for result in results:
        whole = {"EvalResourceName": "*", "EvalResourceDecision": result["EvalDecision"]}
        for answer in result.get("ResourceSpecificResults") or [whole]:
            decided[result["EvalActionName"], answer["EvalResourceName"]] = answer["EvalResourceDecision"]
    return [
        f"{action} on {resource} in {simulation['region']}: {decision}"
        for action in simulation["actions"]
        for resource in simulation["resources"]
        for decision in [decided.get((action, resource), "no decision")]
        if (decision == "allowed") != (resource in simulation["allowed"]) or decision == "no decision"
    ]


def calls(regions: Regions, control_region: str, control_model: str) -> list[dict[str, Any]]:
    """The calls from the host: all that it must be able to do, and some that it must not."""
    made = []
    for entry in regions.values():
        region = entry["region"]
        for model in models(regions)[region]:
            made += [_model_call(operation, region, model, "allowed") for operation in OPERATIONS[:2]]
        for voice in entry["voices"]["required"] or [ANY_VOICE]:
            made.append(_speech(region, entry["voices"]["engine"], voice, "allowed"))
        made.append(_transcription(region, "allowed"))
        made.append(_model_call(OPERATIONS[0], region, control_model, "refused"))
    if control_region not in models(regions):
        some = next(iter(models(regions).values()))[0]
        made += [_model_call(operation, control_region, some, "refused") for operation in OPERATIONS[:2]]
        made += [_speech(control_region, "neural", ANY_VOICE, "refused"), _transcription(control_region, "refused")]
    return made


def _model_call(operation: str, region: str, model: str, expectation: str) -> dict[str, Any]:
    call = {"service": "bedrock", "operation": operation, "region": region}
    return {**call, "model_id": model, "expectation": expectation}


def _speech(region: str, engine: str, voice: str, expectation: str) -> dict[str, Any]:
    call = {"service": "polly", "operation": OPERATIONS[2], "region": region}
    return {**call, "engine": engine, "voice": voice, "expectation": expectation}


def _transcription(region: str, expectation: str) -> dict[str, Any]:
    call = {"service": "transcribe", "operation": OPERATIONS[3], "region": region}
    return {**call, "language_code": LANGUAGE, "expectation": expectation}


def is_alive(model: Mapping[str, Any] | None) -> bool:
    """Whether a region offers the model on demand, and it is not on its way out."""
    if model is None:
        return False
    lifecycle = model.get("modelLifecycle") or {}
    return "ON_DEMAND" in model["inferenceTypesSupported"] and lifecycle.get("status") == "ACTIVE"


def is_accessible(availability: Mapping[str, Any]) -> bool:
    """Whether all four parts of a model's availability are there."""
    states = {name: availability[name] for name in ("entitlementAvailability", "regionAvailability")}
    states["agreementAvailability"] = availability["agreementAvailability"]["status"]
    return set(states.values()) == {"AVAILABLE"} and bool(availability["authorizationStatus"] == "AUTHORIZED")


def lets_https_out(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of a security group opens TCP 443 to everywhere."""
    everywhere = any(each.get("CidrIp") == "0.0.0.0/0" for each in rule.get("IpRanges", []))
    if rule["IpProtocol"] == "-1":
        return everywhere
    return everywhere and rule["IpProtocol"] == "tcp" and bool(rule["FromPort"] <= HTTPS <= rule["ToPort"])


def leads_out(route: Mapping[str, Any]) -> bool:
    """Whether a route leads everywhere, by a gateway."""
    gateway = route.get("NatGatewayId") or str(route.get("GatewayId", "")).startswith("igw-")
    return route.get("DestinationCidrBlock") == "0.0.0.0/0" and bool(gateway) and route.get("State") == "active"


def acl_lets_https_out(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the first rule of a network ACL that speaks of HTTPS to everywhere allows it."""
    for entry in sorted(entries, key=lambda each: int(each["RuleNumber"])):
        ports = entry.get("PortRange") or {"From": 0, "To": 65535}
        if entry["Egress"] and entry["Protocol"] in ("-1", "6") and ports["From"] <= HTTPS <= ports["To"]:
            return bool(entry["RuleAction"] == "allow")
    return False


def normal(document: Any) -> Any:
    """A policy document with its lists in one order, and single values as lists."""
    if isinstance(document, Mapping):
        return {key: normal(value) for key, value in document.items()}
    if isinstance(document, (list, tuple)):
        return sorted((normal(each) for each in document), key=lambda each: json.dumps(each, sort_keys=True))
    return [document]


def denies(document: Mapping[str, Any]) -> bool:
    """Whether a policy has a Deny."""
    return any(statement["Effect"] == "Deny" for statement in document["Statement"])


def is_denial_of(event: Mapping[str, Any], role_name: str) -> bool:
    """Whether CloudTrail's event is a denied call of the role."""
    issuer = event.get("userIdentity", {}).get("sessionContext", {}).get("sessionIssuer", {})
    denied = str(event.get("errorCode") or "").startswith("AccessDenied")
    return denied and str(issuer.get("arn", "")).endswith(f":role/{role_name}")
