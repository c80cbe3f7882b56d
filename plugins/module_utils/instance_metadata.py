# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the instance metadata service is asked, and what its answers say of a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

OK = 200
SESSION = "/latest/api/token"
HEADER_OF_SESSION = "X-aws-ec2-metadata-token"
LIFETIME = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
IDENTITY_DOCUMENT = "/latest/dynamic/instance-identity/document"
PROFILE = "/latest/meta-data/iam/info"
#: Lists the names of roles; the credentials below them are nobody's business here.
ROLES = "/latest/meta-data/iam/security-credentials/"
PATHS = (IDENTITY_DOCUMENT, PROFILE, ROLES)


def instance(contents: Mapping[str, str]) -> dict[str, str]:
    """Return who a host says that it is, as ``safesecrets_instance`` holds it; empty is what it did not say.

    contents: what was answered with success, by path.
    """
    document, profile = _object(contents.get(IDENTITY_DOCUMENT)), _object(contents.get(PROFILE))
    return {
        "instance_id": str(document.get("instanceId") or ""),
        "region": str(document.get("region") or ""),
        "account_id": str(document.get("accountId") or ""),
        "instance_profile_arn": str(profile.get("InstanceProfileArn") or ""),
        "role_name": next(iter((contents.get(ROLES) or "").split()), ""),
    }


def _object(content: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(content or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
