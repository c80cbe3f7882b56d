# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that a role could change in the lab, as JSON: the host's files, and the account that its operator sees."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

REGIONS = ("ca-central-1", "us-east-1")


def files(root: Path) -> dict[str, list[Any]]:
    """Return mode, time of change and digest of each file."""
    return {
        str(path.relative_to(root)): [
            oct(path.stat().st_mode),
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        ]
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def look(call: Callable[..., dict[str, Any]], **parameters: str) -> Any:
    """Return what AWS answers, an error by its code."""
    try:
        answer = call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    answer.pop("ResponseMetadata")
    return answer


def role(iam: Any, name: str) -> dict[str, Any]:
    """Return the role, its boundary and its policies."""
    inline = look(iam.list_role_policies, RoleName=name)
    return {
        "role": look(iam.get_role, RoleName=name),
        "attached": look(iam.list_attached_role_policies, RoleName=name),
        "inline": [
            look(iam.get_role_policy, RoleName=name, PolicyName=policy) for policy in inline.get("PolicyNames", [])
        ],
    }


def models(bedrock: Any) -> dict[str, Any]:
    """Return the availability of each model, and the account's use-case form."""
    listed = look(bedrock.list_foundation_models, byProvider="Anthropic")["modelSummaries"]
    return {
        "form": look(bedrock.get_use_case_for_model_access),
        **{
            model["modelId"]: look(bedrock.get_foundation_model_availability, modelId=model["modelId"])
            for model in listed
        },
    }


def snapshot(lab: dict[str, Any]) -> dict[str, Any]:
    """Look at everything."""
    session = boto3.Session(lab["access_key_id"], lab["secret_access_key"])

    def client(service: str, region: str = lab["region"]) -> Any:
        return session.client(service, region, endpoint_url=lab["endpoint_url"], verify=lab["ca_bundle"])

    return {
        "files": files(Path(lab["host_root"], "etc")),
        "role": role(client("iam"), lab["role_name"]),
        "security groups": look(client("ec2").describe_security_groups),
        "models": {region: models(client("bedrock", region)) for region in REGIONS},
    }


if __name__ == "__main__":
    directory = Path(os.environ["SAFESECRETS_LAB_DIR"])
    seen = snapshot(json.loads((directory / "lab.json").read_text()))
    json.dump(seen, sys.stdout, indent=2, sort_keys=True, default=str)
