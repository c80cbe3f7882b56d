"""What ministack's IAM lacks of policies: sizes, the default version, resources and condition keys of the calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ministack.core import iam_actions
from ministack.core.iam_evaluator import validate_policy_document
from ministack.core.responses import get_account_id
from ministack.services import iam

from lab.operations import operation
from lab.service import Request, Response, ServiceError
from lab.state import LabState

#: Characters without white space: of one managed policy, and of all inline policies of one role together.
MANAGED_SIZE, INLINE_SIZE = 6144, 10240
#: Of one managed policy.
VERSIONS = 5
Parameters = Mapping[str, Any]
Change = Callable[[Mapping[str, list[str]]], tuple[int, dict[str, str], bytes]]


def _resource(_state: LabState, request: Request, parameters: Parameters) -> str:
    if "PolicyName" in parameters and "RoleName" not in parameters:
        return f"arn:aws:iam::{get_account_id()}:policy{parameters.get('Path', '/')}{parameters['PolicyName']}"
    arguments = (request.service, request.method, request.path, request.headers, request.body)
    return str(iam_actions.extract_resource_arn(*arguments, request.form(), request.region, get_account_id()))


def _condition_keys(parameters: Parameters) -> dict[str, list[str]]:
    return {"iam:policyarn": [parameters["PolicyArn"]]} if "PolicyArn" in parameters else {}


of_policies = partial(operation, "iam", _resource, _condition_keys, "ValidationError")


@of_policies()
def put_role_policy(state: LabState, request: Request, parameters: Parameters) -> Response:
    """PutRolePolicy."""
    role, name = parameters["RoleName"], parameters["PolicyName"]
    others = (iam._roles.get(role) or {}).get("InlinePolicies", {})
    documents = [parameters["PolicyDocument"], *(document for other, document in others.items() if other != name)]
    if sum(map(_size, documents)) > INLINE_SIZE:
        raise ServiceError("LimitExceeded", f"Maximum policy size of {INLINE_SIZE} bytes exceeded for role {role}", 409)
    return _change(state, request, iam._put_role_policy)


@of_policies()
def create_policy(state: LabState, request: Request, parameters: Parameters) -> Response:
    """CreatePolicy."""
    _check_managed_size(parameters)
    return _change(state, request, iam._create_policy)


@of_policies()
def create_policy_version(state: LabState, _request: Request, parameters: Parameters) -> Parameters:
    """CreatePolicyVersion; ministack gives a deleted version's identifier again, IAM never does."""
    _check_managed_size(parameters)
    policy, document = _customer_policy(parameters["PolicyArn"]), parameters["PolicyDocument"]
    if len(policy["Versions"]) >= VERSIONS:
        raise ServiceError("LimitExceeded", f"A managed policy can have at most {VERSIONS} versions.", 409)
    if fault := validate_policy_document(document):
        raise ServiceError("MalformedPolicyDocument", fault)
    with state.iam.change():
        policy["LastVersion"] = policy.get("LastVersion", 1) + 1
        version = {"VersionId": f"v{policy['LastVersion']}", "IsDefaultVersion": False, "CreateDate": iam._now()}
        policy["Versions"][version["VersionId"]] = {**version, "Document": document}
        policy["UpdateDate"] = version["CreateDate"]
        if parameters.get("SetAsDefault"):
            _make_default(policy, version["VersionId"])
    return {"PolicyVersion": version | {"IsDefaultVersion": bool(parameters.get("SetAsDefault"))}}


def _check_managed_size(parameters: Parameters) -> None:
    if _size(parameters["PolicyDocument"]) > MANAGED_SIZE:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_SIZE}", 409)


def _size(document: Any) -> int:
    return len(re.sub(r"\s", "", document if isinstance(document, str) else json.dumps(document)))


@of_policies()
def set_default_policy_version(state: LabState, _request: Request, parameters: Parameters) -> Parameters:
    """SetDefaultPolicyVersion."""
    policy, version = _customer_policy(parameters["PolicyArn"]), parameters["VersionId"]
    if version not in policy["Versions"]:
        raise ServiceError("NoSuchEntity", f"Policy {policy['Arn']} version {version} does not exist.", 404)
    with state.iam.change():
        _make_default(policy, version)
    return {}


def _make_default(policy: dict[str, Any], version: str) -> None:
    policy["DefaultVersionId"] = version
    for each in policy["Versions"].values():
        each["IsDefaultVersion"] = each["VersionId"] == version


@of_policies()
def attach_role_policy(state: LabState, request: Request, parameters: Parameters) -> Response:
    """AttachRolePolicy."""
    if not iam._policy_exists(parameters["PolicyArn"]):
        _customer_policy(parameters["PolicyArn"])
    return _change(state, request, iam._attach_role_policy)


def _customer_policy(arn: str) -> dict[str, Any]:
    policy: dict[str, Any] | None = iam._policies.get(arn)
    if policy is None:
        raise ServiceError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    return policy


def _change(state: LabState, request: Request, change: Change) -> Response:
    """Let ministack do it, seen everywhere only after a while."""
    with state.iam.change():
        status, headers, body = change(request.form())
    return Response(body, status, headers["Content-Type"])


@of_policies()
def detach_role_policy(state: LabState, request: Request, _parameters: Parameters) -> Response:
    """DetachRolePolicy."""
    return _change(state, request, iam._detach_role_policy)
