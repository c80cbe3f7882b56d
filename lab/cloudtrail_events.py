"""What CloudTrail records of a call: who, what, where and how it ended, never what was sent or answered.

Calls whose signature does not hold are not recorded, as nobody knows whose they are, nor is what CloudTrail
counts as data events.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import iam, sts

from lab.instance_metadata import EC2_ROLE_DELIVERY, IMDSV2, Instance
from lab.service import Request, Response
from lab.state import LabState, TrailEvent
from lab.templates import read

TIME = "%Y-%m-%dT%H:%M:%SZ"
GLOBAL_REGION = "us-east-1"  # has the events of services without a region; those of STS are where its endpoint is
PAST_USER_AGENT = "aws-sdk-js/3.800.0"
NOT_AUTHORIZED = "is not authorized to perform"
NO_OPERATION = ("InvalidAction", "UnknownOperationException")
READ_ONLY = re.compile(r"(AssumeRole|Describe|Get|Invoke|List|Lookup|Simulate|Synthesize)")
KNOWN = read("cloudtrail.yml")


def record(
    state: LabState, request: Request, event_name: str, parameters: Mapping[str, Any], response: Response
) -> None:
    """Add the event of a call that was answered, denied or failed."""
    code, message = response.error or (None, None)
    if not event_name or event_name in KNOWN["data_events"].get(request.service, ()) or code in NO_OPERATION:
        return
    content = {
        "userIdentity": _user_identity(request),
        "eventSource": f"{KNOWN['event_sources'].get(request.service, request.service)}.amazonaws.com",
        "eventName": event_name,
        "awsRegion": GLOBAL_REGION if request.service in KNOWN["global_services"] else request.region,
        "sourceIPAddress": responses.get_request_client_ip(),
        "userAgent": request.headers.get("user-agent", ""),
        "errorCode": _error_code(request.service, code) if code else None,
        "errorMessage": message,
        "requestParameters": _request_parameters(parameters) if _was_read(request, message) else None,
        "additionalEventData": request.additional_event_data or None,
        "requestID": request.request_id,
    }
    state.trail.append(_event(state, state.clock(), content))


def record_past(state: LabState, instance: Instance) -> None:
    """Add the events that the account starts with."""
    account = state.account
    with responses.request_scope(account.account_id, account.region):
        role = iam._roles[account.role.name]
    for past in sorted(account.trail, key=lambda each: -each.hours_ago):
        session, then = past.session or instance.instance_id, state.clock() - timedelta(hours=past.hours_ago)
        arn = f"arn:aws:sts::{account.account_id}:assumed-role/{account.role.name}/{session}"
        principal = {"principalId": f"{role['RoleId']}:{session}", "arn": arn, "accountId": account.account_id}
        key = {"accessKeyId": iam._gen_session_access_key()}
        content = {
            "userIdentity": {"type": "AssumedRole", **principal, **key, **_session_context(role, then, IMDSV2)},
            "eventSource": past.event_source,
            "eventName": past.event_name,
            "awsRegion": past.region,
            "sourceIPAddress": instance.private_ip,
            "userAgent": PAST_USER_AGENT,
            "errorCode": past.error_code,
            "errorMessage": past.error_message.replace("{arn}", arn) if past.error_message else None,
            "requestParameters": past.request_parameters or None,
            "additionalEventData": {"inferenceRegion": past.inference_region} if past.inference_region else None,
            "requestID": str(uuid.uuid4()),
        }
        state.trail.append(_event(state, then, content))


def _event(state: LabState, moment: datetime, content: Mapping[str, Any]) -> TrailEvent:
    """The whole event: what is the same in each, and nothing that the call has not."""
    absent = {name for name in ("errorCode", "errorMessage", "additionalEventData") if content[name] is None}
    event = KNOWN["event"] | {
        "eventTime": moment.strftime(TIME),
        "eventID": str(uuid.uuid4()),
        "readOnly": READ_ONLY.match(content["eventName"]) is not None,
        "recipientAccountId": state.account_id,
    }
    return TrailEvent(moment, event | {name: value for name, value in content.items() if name not in absent})


def _user_identity(request: Request) -> dict[str, Any]:
    caller = iam_evaluator.resolve_credential(request.access_key_id, request.account_id)
    if isinstance(caller, iam_evaluator.CredentialResolutionError):  # the call took its own key away
        return {"type": "AWSAccount", "principalId": request.account_id, "accountId": request.account_id}
    identity: dict[str, Any] = {
        "type": {"User": "IAMUser"}.get(caller.principal_type, caller.principal_type),
        "principalId": caller.principal_id,
        "arn": caller.principal_arn,
        "accountId": caller.account_id,
        "accessKeyId": request.access_key_id,
    }
    if caller.principal_type == "User":
        identity["userName"] = caller.principal_name
    if caller.principal_type != "AssumedRole":
        return identity
    session = sts._sessions[request.access_key_id]
    name = iam_evaluator._role_name_from_assumed_arn(caller.principal_arn)
    role = iam._roles.get(name) or {
        "RoleId": caller.principal_id.partition(":")[0],
        "Arn": f"arn:aws:iam::{caller.account_id}:role/{name}",
        "RoleName": name,
    }
    issued_at = datetime.fromtimestamp(session.get("IssuedAt", 0), UTC)
    return identity | _session_context(role, issued_at, session.get(EC2_ROLE_DELIVERY))


def _session_context(role: Mapping[str, Any], issued_at: datetime, delivery: str | None) -> dict[str, Any]:
    issuer = {
        "type": "Role",
        "principalId": role["RoleId"],
        "arn": role["Arn"],
        "accountId": role["Arn"].split(":")[4],
        "userName": role["RoleName"],
    }
    attributes = {"creationDate": issued_at.strftime(TIME), "mfaAuthenticated": "false"}
    delivered = {EC2_ROLE_DELIVERY: delivery} if delivery else {}
    return {"sessionContext": {"sessionIssuer": issuer, "attributes": attributes, **delivered}}


def _error_code(service: str, code: str) -> str:
    """CloudTrail's code of an error, which is not always the one that the caller gets."""
    if service == "ec2":
        return f"Client.{'UnauthorizedOperation' if code.startswith('AccessDenied') else code}"
    if code.startswith("AccessDenied"):
        return "AccessDenied"
    if service == "iam" and not code.endswith("Exception"):
        return f"{code.removesuffix('Error')}Exception"
    return code


def _was_read(request: Request, message: str | None) -> bool:
    """What a policy denies is denied before the parameters are read, but for EC2's."""
    return request.service == "ec2" or NOT_AUTHORIZED not in (message or "")


def _request_parameters(given: Mapping[str, Any]) -> dict[str, Any] | None:
    named = {f"{name[:1].lower()}{name[1:]}": value for name, value in given.items()}
    shown = {name: value for name, value in named.items() if name in KNOWN["shown"]}
    shown |= {name: mask for name, mask in KNOWN["masked"].items() if name in named}
    return {name: value for name, value in shown.items() if isinstance(value, (str, int, float))} or None
