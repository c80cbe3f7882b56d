"""The instance's metadata service: IMDSv2 only, with credentials that the endpoint enforces."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ministack.core import responses
from ministack.services import iam, sts

from lab.service import Response
from lab.state import LabState
from lab.templates import render

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
        text = documents.get(path) or _listing(path, documents)
        return _text(text, 200 if text else 404)

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

    def _documents(self) -> dict[str, str]:
        with responses.request_scope(self._state.account_id, self._instance.region):
            profile = iam._instance_profiles.get(self._instance.profile)
            roles = [iam._roles[name] for name in profile["Roles"] if name in iam._roles] if profile else []
        documents: dict[str, str] = render(
            "instance_metadata.yml.j2",
            instance=self._instance,
            account_id=self._state.account_id,
            now=self._state.clock().strftime(DATE),
            profile=profile,
            role=roles[0]["RoleName"] if roles else None,
            session=self._session_of(roles[0]) if roles else None,
        )
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


def _listing(path: str, documents: Iterable[str]) -> str:
    """The names one level below a path, as the service lists a folder."""
    folder = f"{path.rstrip('/')}/"
    below = [
        name.removeprefix(folder).partition("/") for name in documents if name.startswith(folder) and name != folder
    ]
    return "\n".join(sorted({f"{name}{slash}" for name, slash, _rest in below}))
