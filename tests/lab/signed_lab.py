"""A lab without a server, but with all of its endpoint: boto3's requests are verified, recorded and handed on.

The clients call AWS's own endpoint names. The lab's clock is the test's; signatures and sessions end by
the machine's, which ministack looks at.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from ministack.services import iam

from lab import accounts, asgi, cloudtrail_events
from lab.instance_metadata import Instance, InstanceMetadata
from lab.operations import OPERATIONS
from tests.lab.direct_lab import SESSION, DirectLab, Headers, Raw, allow
from tests.lab.shapes import problems

INSTANCE_ID, ADDRESS = "i-0123456789abcdef0", "10.20.1.15"
OWN = {(operation.service, operation.name) for operation in OPERATIONS}
Tamper = Callable[[MutableMapping[str, str], bytes], bytes]


class SignedLab(DirectLab):
    """One account behind its endpoint, in this process."""

    def __init__(self, account: accounts.Account | str = "today") -> None:
        super().__init__(account, now=datetime.now(UTC))
        profile = self.account.instance.profile_role
        self.instance = Instance(
            INSTANCE_ID, "ami-1", "t3.medium", ADDRESS, "02:00", self.account.region, "a", self.now, profile
        )
        self.metadata = InstanceMetadata(self.state, self.instance)
        self._application = asgi.Application(self.state, self.metadata)
        cloudtrail_events.record_past(self.state, self.instance)
        self.operator = self.user("admin", allow("*"))

    def user(self, name: str, policy: Mapping[str, Any]) -> dict[str, str]:
        """Credentials of a new user."""
        key = self.add_user(name, policy)
        secret = self.run(_secret(key))
        return {"aws_access_key_id": key, "aws_secret_access_key": secret}

    def role(self) -> dict[str, str]:
        """The credentials that the metadata service gives now."""
        token = self.metadata.answer("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "60"})
        path = f"/latest/meta-data/iam/security-credentials/{self.account.role.name}"
        answer = self.metadata.answer("GET", path, {"x-aws-ec2-metadata-token": token.body.decode()})
        document = json.loads(answer.body)
        names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
        return {ours: document[theirs] for theirs, ours in {**names, "Token": "aws_session_token"}.items()}

    def signed(
        self,
        service: str,
        region: str = "us-east-1",
        credentials: Mapping[str, str] | None = None,
        tamper: Tamper | None = None,
        endpoint_url: str | None = None,
    ) -> Any:
        """A client of the operator, or of whoever has the credentials; what it signed may be tampered with."""
        client = SESSION.client(
            service,
            region_name=region,
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
            endpoint_url=endpoint_url,
            **(credentials or self.operator),
        )

        def answer(request: AWSPreparedRequest, event_name: str, **_kwargs: Any) -> AWSResponse:
            return self._send(service, event_name.rsplit(".", 1)[-1], request, tamper)

        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", answer)
        return client

    def _send(
        self, service: str, operation_name: str, prepared: AWSPreparedRequest, tamper: Tamper | None
    ) -> AWSResponse:
        parts = urlsplit(str(prepared.url))
        headers = {name.lower(): v.decode() if isinstance(v, bytes) else v for name, v in prepared.headers.items()}
        headers.setdefault("host", parts.netloc)
        body = prepared.body or b""
        content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
        content = tamper(headers, content) if tamper else content
        scope = {
            "type": "http",
            "scheme": "https",
            "http_version": "1.1",
            "method": prepared.method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": (ADDRESS, 40000),
        }
        with patch.dict(os.environ, {"MINISTACK_ACCOUNT_ID": self.account.account_id}):
            status, answered, answer = asyncio.run(_exchange(self._application, scope, content))
        if status < 300 and (service, operation_name) in OWN:
            assert problems(service, operation_name, status, answered, answer) == []
        return AWSResponse(str(prepared.url), status, Headers(answered), Raw(answer))  # type: ignore[arg-type]


async def _secret(key: str) -> str:
    return str(iam._access_keys[key]["SecretAccessKey"])


async def _exchange(
    application: asgi.Application, scope: dict[str, Any], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])
