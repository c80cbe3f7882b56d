"""What ministack's IAM lacks of policies: sizes, the default version, resources and condition keys of the calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import iam

from lab.model_operations import operation
from lab.query_protocol import Form, answer
from lab.service import Request, Response, ServiceError
from lab.state import LabState

#: Characters without white space: of one managed policy, and of all inline policies of one role together.
MANAGED_SIZE, INLINE_SIZE = 6144, 10240
Change = Callable[[Mapping[str, list[str]]], tuple[int, dict[str, str], bytes]]


def _resource(_state: LabState, request: Request, _parameters: Mapping[str, str]) -> str:
    form = Form(request)
    if form.text("PolicyName") and not form.text("RoleName"):
        return f"arn:aws:iam::{get_account_id()}:policy{form.text('Path') or '/'}{form.text('PolicyName')}"
    arguments = (request.service, request.method, request.path, request.headers, request.body)
    return str(iam_actions.extract_resource_arn(*arguments, request.form(), request.region, get_account_id()))


def _condition_keys(request: Request) -> dict[str, list[str]]:
    arn = Form(request).text("PolicyArn")
    return {"iam:policyarn": [arn]} if arn else {}


@operation("iam", _resource, _condition_keys, reads=False)
def put_role_policy(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """PutRolePolicy."""
    form = Form(request)
    role, name = form.text("RoleName"), form.text("PolicyName")
    others = (iam._roles.get(role) or {}).get("InlinePolicies", {})
    documents = [form.text("PolicyDocument"), *(document for other, document in others.items() if other != name)]
    if sum(map(_size, documents)) > INLINE_SIZE:
        raise ServiceError("LimitExceeded", f"Maximum policy size of {INLINE_SIZE} bytes exceeded for role {role}", 409)
    return _change(state, request, iam._put_role_policy)


@operation("iam", _resource, _condition_keys, reads=False)
def create_policy(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """CreatePolicy."""
    _check_managed_size(request)
    return _change(state, request, iam._create_policy)


@operation("iam", _resource, _condition_keys, reads=False)
def create_policy_version(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """CreatePolicyVersion."""
    _check_managed_size(request)
    return _change(state, request, iam._create_policy_version)


def _check_managed_size(request: Request) -> None:
    if _size(Form(request).text("PolicyDocument")) > MANAGED_SIZE:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED_SIZE}", 409)


def _size(document: Any) -> int:
    return len(re.sub(r"\s", "", document if isinstance(document, str) else json.dumps(document)))


@operation("iam", _resource, _condition_keys, reads=False)
def set_default_policy_version(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """SetDefaultPolicyVersion."""
    form = Form(request)
    policy, version = _customer_policy(form), form.text("VersionId")
    if version not in policy["Versions"]:
        raise ServiceError("NoSuchEntity", f"Policy {policy['Arn']} version {version} does not exist.", 404)
    with state.iam.change():
        policy["DefaultVersionId"] = version
        for each in policy["Versions"].values():
            each["IsDefaultVersion"] = each["VersionId"] == version
    return answer(form, {})


@operation("iam", _resource, _condition_keys, reads=False)
def attach_role_policy(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """AttachRolePolicy."""
    if not iam._policy_exists(Form(request).text("PolicyArn")):
        _customer_policy(Form(request))
    return _change(state, request, iam._attach_role_policy)


def _customer_policy(form: Form) -> dict[str, Any]:
    policy: dict[str, Any] | None = iam._policies.get(form.text("PolicyArn"))
    if policy is None:
        raise ServiceError("NoSuchEntity", f"Policy {form.text('PolicyArn')} does not exist or is not attachable.", 404)
    return policy


def _change(state: LabState, request: Request, change: Change) -> Response:
    """Let ministack do it, seen everywhere only after a while."""
    with state.iam.change():
        status, headers, body = change(request.form())
    return Response(body, status, headers["Content-Type"])


@operation("iam", _resource, _condition_keys, reads=False)
def detach_role_policy(state: LabState, request: Request, _parameters: Mapping[str, str]) -> Response:
    """DetachRolePolicy."""
    return _change(state, request, iam._detach_role_policy)
