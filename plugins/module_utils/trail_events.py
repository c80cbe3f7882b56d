# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""CloudTrail's events as rows, and what a denial among them means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import timezone
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import timestamp

Row = dict[str, Any]

#: How events name the action that is denied, by the operation and its service.
ACTIONS = {
    "InvokeModel": "bedrock:InvokeModel",
    "InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
    "SynthesizeSpeech": "polly:SynthesizeSpeech",
    "StartStreamTranscription": "transcribe:StartStreamTranscription",
}
_DENIAL_CODES = re.compile(r"AccessDenied(Exception)?|Client\..*(Unauthorized|AccessDenied).*|VpceAccessDenied")
_NOT_AUTHORIZED = re.compile(
    r"is not authorized to perform: (?P<action>[a-z0-9-]+:[A-Za-z0-9*]+)(?: on resource: (?P<resource>\S+))?"
    r"(?:,? (?P<why>(?:because|with) .*))?",
    re.DOTALL,
)
#: Layers as AWS's texts name them, and as a person knows them.
_LAYERS = {
    "identity-based polic": "identity policy",
    "permissions boundar": "permissions boundary",
    "service control polic": "service control policy",
    "resource control polic": "resource control policy",
    "resource-based polic": "resource policy",
    "session polic": "session policy",
    "VPC endpoint polic": "VPC endpoint policy",
}
#: What SimulatePrincipalPolicy does not evaluate.
OUTSIDE_THE_SIMULATION = ("resource control policy", "session policy", "VPC endpoint policy", "resource policy")
IDENTITY, BOUNDARY = "identity policy", "permissions boundary"


def describe(region: str, event: Mapping[str, Any]) -> Row:
    """Return the row of one event of LookupEvents."""
    content = json.loads(event["CloudTrailEvent"])
    identity = content.get("userIdentity") or {}
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    moment = event["EventTime"]
    return {
        "region": region,
        "event_id": event["EventId"],
        "event_name": event.get("EventName"),
        "event_source": event.get("EventSource"),
        "event_time": timestamp(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)),
        "username": event.get("Username"),
        "principal_arn": identity.get("arn"),
        "session_issuer_arn": issuer.get("arn"),
        "source_ip_address": content.get("sourceIPAddress"),
        "user_agent": content.get("userAgent"),
        "request_id": content.get("requestID"),
        "request_parameters": content.get("requestParameters"),
        "inference_region": (content.get("additionalEventData") or {}).get("inferenceRegion"),
        "error_code": content.get("errorCode"),
        "error_message": content.get("errorMessage"),
    }


def is_denial(event: Mapping[str, Any]) -> bool:
    """Tell whether the event is one of a call that AWS denied."""
    return _DENIAL_CODES.fullmatch(str(event.get("error_code") or "")) is not None


def denials_of(events: Iterable[Row], role_arn: str) -> list[Row]:
    """Return the denied calls of the role's sessions, whatever their names; the newest first, as they come."""
    return [event for event in events if event["session_issuer_arn"] == role_arn and is_denial(event)]


def explained(region: str, message: str, operation: str = "") -> Row:
    """Return what AWS's text of a denial says: action, resource, layer, and the smallest statement that would mend it.

    layer: None where AWS names none. statement: None where no Allow would help.
    """
    told = _NOT_AUTHORIZED.search(message)
    why = (told["why"] or "") if told else message
    layer = next((name for words, name in _LAYERS.items() if words in why), None)
    action = told["action"] if told else ACTIONS.get(operation)
    resource = _resource(told["resource"] if told else None)
    denied_explicitly = "explicit deny" in why
    helps = action and told and not denied_explicitly and layer in (IDENTITY, BOUNDARY, None)
    return {
        "action": action,
        "resource": resource,
        "region": region,
        "layer": layer,
        "explicit_deny": denied_explicitly,
        "statement": _statement(str(action), resource, region) if helps else None,
    }


def _resource(named: str | None) -> str:
    return named.rstrip(",.") if named else "*"


def _statement(action: str, resource: str, region: str) -> Row:
    """Return the narrowest Allow: a resource that names its region needs no condition, "*" does."""
    statement: Row = {"Effect": "Allow", "Action": action, "Resource": resource}
    if resource == "*":
        statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": region}}
    return statement


def remedy_of(denial: Mapping[str, Any]) -> str:
    """Say what to do about an explained denial."""
    action, region, layer = denial["action"] or "the call", denial["region"], denial["layer"]
    if denial["statement"]:
        where = f"the role's {layer}" if layer else "the role's policy"
        return f"Allow it in {where}, at the least by {json.dumps(denial['statement'])}."
    if denial["explicit_deny"]:
        of_layer = f" of the {layer}" if layer else ""
        return f"Exempt {action} on {denial['resource']} in {region} from the Deny statement{of_layer} that matches it."
    if layer:
        return f"Let the {layer} allow {action} on {denial['resource']} in {region}."
    return f"Read AWS's text, and allow {action} in {region} where it says."


def sentence_of(denial: Mapping[str, Any]) -> str:
    """Say what was denied and by which layer."""
    layer = denial["layer"]
    by = (
        f" by an explicit Deny in a {layer}"
        if denial["explicit_deny"] and layer
        else " by an explicit Deny"
        if denial["explicit_deny"]
        else f": no {layer} allows it"
        if layer
        else "; AWS names no layer"
    )
    return f"{denial['action'] or 'a call'} on {denial['resource']} in {denial['region']} was denied{by}"
