"""The instance's metadata service: IMDSv2 only, with credentials that the endpoint enforces."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ministack.core import responses
from ministack.services import iam, sts

from lab.service import Response
from lab.state import LabState

LONGEST_TOKEN_SECONDS = 21_600
#: AWS hands out new credentials at least this long before the old ones end; short sessions have half their life.
RENEWAL = timedelta(minutes=5)
#: How CloudTrail tells that a session's credentials came from here.
EC2_ROLE_DELIVERY, IMDSV2 = "ec2RoleDelivery", "2.0"
DATE = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Instance:
    """What the instance is in EC2; ``profile`` is the name of its instance profile."""

    instance_id: str
    image_id: str
    instance_type: str
    private_ip: str
    mac: str
    region: str
    availability_zone: str
    launched_at: datetime
    profile: str | None


class InstanceMetadata:
    """Answers ``http://169.254.169.254/latest/…``."""

    def __init__(self, state: LabState, instance: Instance) -> None:
        self._state, self._instance = state, instance
        self._tokens: dict[str, datetime] = {}
        self._session: dict[str, str] = {}
        self._session_role, self._session_ends = "", state.clock()
        self._lifetime = timedelta(seconds=state.account.timing.instance_session)
        # ministack forgets a session that has expired; AWS still says that it has.
        sts._evict_expired_sessions = lambda: None

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        """Answer one request, as IMDSv2 with ``HttpTokens=required`` does."""
        if path == "/latest/api/token":
            return self._issue_token(headers) if method == "PUT" else _text("", 405)
        now = self._state.clock()
        if self._tokens.get(headers.get("x-aws-ec2-metadata-token", ""), now) <= now:
            return _text("", 401)
        if method != "GET":
            return _text("", 405)
        documents = self._documents()
        if path in documents:
            return documents[path]
        return _listing(path, documents) or _text("", 404)

    def _issue_token(self, headers: Mapping[str, str]) -> Response:
        # A proxy adds this header: a token that leaves the instance is refused, as on AWS.
        if "x-forwarded-for" in headers:
            return _text("", 403)
        seconds = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if not seconds.isascii() or not seconds.isdigit() or not 1 <= int(seconds) <= LONGEST_TOKEN_SECONDS:
            return _text("", 400)
        token, now = secrets.token_urlsafe(42), self._state.clock()
        self._tokens = {known: end for known, end in self._tokens.items() if end > now}
        self._tokens[token] = now + timedelta(seconds=int(seconds))
        return Response(token.encode(), 200, "text/plain", {"x-aws-ec2-metadata-token-ttl-seconds": seconds})

    def _documents(self) -> dict[str, Response]:
        instance, meta = self._instance, "/latest/meta-data/"
        documents = {
            f"{meta}{name}": _text(value)
            for name, value in {
                "ami-id": instance.image_id,
                "instance-id": instance.instance_id,
                "instance-type": instance.instance_type,
                "local-ipv4": instance.private_ip,
                "mac": instance.mac,
                "placement/availability-zone": instance.availability_zone,
                "placement/region": instance.region,
                "services/domain": "amazonaws.com",
                "services/partition": "aws",
            }.items()
        }
        documents["/latest/dynamic/instance-identity/document"] = Response(json.dumps(self._identity()).encode())
        return documents | self._credentials(f"{meta}iam/")

    def _identity(self) -> dict[str, str | None]:
        instance = self._instance
        return {
            "accountId": self._state.account_id,
            "architecture": "x86_64",
            "availabilityZone": instance.availability_zone,
            "imageId": instance.image_id,
            "instanceId": instance.instance_id,
            "instanceType": instance.instance_type,
            "pendingTime": instance.launched_at.strftime(DATE),
            "privateIp": instance.private_ip,
            "region": instance.region,
            "version": "2017-09-30",
        }

    def _credentials(self, prefix: str) -> dict[str, Response]:
        """What stands under iam/: nothing without a profile, no session without a role in it."""
        with responses.request_scope(self._state.account_id, self._instance.region):
            profile = iam._instance_profiles.get(self._instance.profile)
            if profile is None:
                return {}
            roles = [iam._roles[name] for name in profile["Roles"] if name in iam._roles]
        info = {
            "Code": "Success",
            "LastUpdated": self._state.clock().strftime(DATE),
            "InstanceProfileArn": profile["Arn"],
            "InstanceProfileId": profile["InstanceProfileId"],
        }
        documents = {f"{prefix}info": _document(info)}
        for role in roles:
            documents[f"{prefix}security-credentials/"] = _text(role["RoleName"])
            documents[f"{prefix}security-credentials/{role['RoleName']}"] = _document(self._session_of(role))
        return documents

    def _session_of(self, role: Mapping[str, str]) -> dict[str, str]:
        """The credentials of the role's session, new ones when the old ones near their end."""
        near_end = self._session_ends - min(RENEWAL, self._lifetime / 2) <= self._state.clock()
        if near_end or self._session_role != role["RoleName"]:
            self._open_session(role)
        return self._session

    def _open_session(self, role: Mapping[str, str]) -> None:
        """Open a session named after the instance, known to the evaluator of the AWS endpoint."""
        now, name, account = self._state.clock(), self._instance.instance_id, self._state.account_id
        self._session_role, self._session_ends = role["RoleName"], (now + self._lifetime).replace(microsecond=0)
        self._session = {
            "Code": "Success",
            "LastUpdated": now.strftime(DATE),
            "Type": "AWS-HMAC",
            "AccessKeyId": iam._gen_session_access_key(),
            "SecretAccessKey": secrets.token_urlsafe(30),
            "Token": secrets.token_urlsafe(300),
            "Expiration": self._session_ends.strftime(DATE),
        }
        sts.register_session(
            self._session["AccessKeyId"],
            {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{name}",
                "UserId": f"{role['RoleId']}:{name}",
                "SecretAccessKey": self._session["SecretAccessKey"],
                "SessionToken": self._session["Token"],
                "Expiration": self._session_ends.timestamp(),
                "AccountId": account,
                "PrincipalType": "AssumedRole",
                "IssuedAt": now.timestamp(),
                EC2_ROLE_DELIVERY: IMDSV2,
            },
        )


def _text(body: str, status: int = 200) -> Response:
    return Response(body.encode(), status, "text/plain")


def _document(content: Mapping[str, str]) -> Response:
    """The metadata service sends its JSON as text."""
    return Response(json.dumps(content, indent=2).encode(), 200, "text/plain")


def _listing(path: str, documents: Mapping[str, Response]) -> Response | None:
    """The names one level below a path, as the service lists a folder."""
    folder = f"{path.rstrip('/')}/"
    below = {
        name.removeprefix(folder).partition("/")[0] + ("/" if "/" in name.removeprefix(folder) else "")
        for name in documents
        if name.startswith(folder) and name != folder
    }
    return _text("\n".join(sorted(below))) if below else None
