"""A lab without a server: boto3 clients whose requests go straight to the lab's operations.

Signatures are not looked at; everything after that is as in the server, and every successful answer
is held against botocore's model.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import ministack.app
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core import responses
from ministack.services import iam, sts

from lab import accounts, asgi, seeding
from lab.service import Request, Response
from lab.state import LabState
from tests.lab.shapes import problems

#: Every test's now, unless it says otherwise.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
#: One for all clients: it keeps the service models that it has read.
SESSION = boto3.session.Session()


class DirectLab:
    """One account's services in this process."""

    def __init__(
        self,
        account: accounts.Account | str = "today",
        operator: Mapping[str, Any] | None = None,
        now: datetime = NOW,
    ) -> None:
        self.account = accounts.load(account) if isinstance(account, str) else account
        self.now = now
        self.state = LabState(self.account, Path("unused"), clock=lambda: self.now)
        self._application = asgi.Application(self.state, None)  # type: ignore[arg-type]
        iam.reset()
        sts.reset()
        self.run(seeding.seed_role(self.account))
        seeding.seed_bedrock(self.state)
        self.key = self.add_user("operator", operator or allow("*"))

    def run(self, work: Any) -> Any:
        """Do something of ministack's in the account."""

        async def scoped() -> Any:
            with responses.request_scope(self.account.account_id, self.account.region):
                return await work

        return asyncio.run(scoped())

    def iam(self, action: str, **parameters: Any) -> dict[str, Any]:
        """One call to ministack's own IAM."""
        return dict(self.run(seeding.call("iam", action, **parameters)))

    def add_user(self, name: str, policy: Mapping[str, Any]) -> str:
        """A user with an inline policy, and its access key."""
        self.iam("CreateUser", UserName=name)
        document = seeding.json.dumps(policy)
        self.iam("PutUserPolicy", UserName=name, PolicyName="Inline", PolicyDocument=document)
        return str(self.iam("CreateAccessKey", UserName=name)["AccessKey"]["AccessKeyId"])

    def session_key(self) -> str:
        """The access key of a session of the account's role, as the instance has it."""
        account_id, name = self.account.account_id, self.account.role.name
        key = "ASIASESSION000000000"
        sts._sessions[key] = {
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/{name}/i-0123456789abcdef0",
            "UserId": "AROAEXAMPLE:i-0123456789abcdef0",
            "PrincipalType": "AssumedRole",
            "AccountId": account_id,
            "SecretAccessKey": "secret",
            "SessionToken": "token",
        }
        return key

    def client(self, service: str, region: str = "us-east-1", key: str | None = None) -> Any:
        """A boto3 client of the operator, or of whoever has the key."""
        client = SESSION.client(
            service,
            region_name=region,
            aws_access_key_id=key or self.key,
            aws_secret_access_key="unused",  # noqa: S106
            config=Config(retries={"max_attempts": 0}, parameter_validation=False),
        )

        def answer(request: AWSPreparedRequest, event_name: str, **_kwargs: Any) -> AWSResponse:
            return self._answer(service, event_name.rsplit(".", 1)[-1], region, key or self.key, request)

        client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", answer)
        return client

    def _answer(
        self, service: str, operation_name: str, region: str, key: str, prepared: AWSPreparedRequest
    ) -> AWSResponse:
        parts = urlsplit(str(prepared.url))
        body = prepared.body or b""
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        request = Request(
            str(prepared.method),
            unquote(parts.path),
            parse_qs(parts.query, keep_blank_values=True),
            {name.lower(): _text(value) for name, value in prepared.headers.items()},
            content,
            "bedrock" if service == "bedrock-runtime" else service,
            region,
            self.account.account_id,
            key,
        )
        response = self._handle(request)
        headers = {"Content-Type": response.content_type, **response.headers}
        if response.status < 300:
            found = problems(service, operation_name, response.status, headers, response.body)
            assert found == []
        return AWSResponse(parts.geturl(), response.status, Headers(headers), Raw(response.body))  # type: ignore[arg-type]

    def _handle(self, request: Request) -> Response:
        with responses.request_scope(request.account_id, request.region):
            operation, path = self._application._find(request)
            assert operation is not None, f"No operation answers {request.method} {request.path}"
            return self._application._handle(operation, request, path)


class Headers(dict[str, str]):
    """Header names in any case."""

    def get(self, name: str, default: Any = None) -> Any:
        return next((value for key, value in self.items() if key.lower() == name.lower()), default)


class Raw(io.BytesIO):
    """What urllib3 gives to botocore."""

    def stream(self, *_arguments: Any, **_options: Any) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def allow(*actions: str, resource: str | list[str] = "*", **conditions: Any) -> dict[str, Any]:
    """A policy document with one Allow."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, "Condition": conditions}
    return {"Version": "2012-10-17", "Statement": [statement]}


def changed(account: str, **parts: Mapping[str, Any]) -> accounts.Account:
    """A starting account with some fields of some of its parts replaced."""
    loaded = accounts.load(account)
    values = {name: dataclasses.replace(getattr(loaded, name), **fields) for name, fields in parts.items()}
    return dataclasses.replace(loaded, **values)


def error(call: Any, *arguments: Any, **parameters: Any) -> tuple[str, str, int]:
    """Code, message and status of the error that a call must end in."""
    try:
        call(*arguments, **parameters)
    except ClientError as caught:
        details, metadata = caught.response["Error"], caught.response["ResponseMetadata"]
        return details["Code"], details["Message"], metadata["HTTPStatusCode"]
    raise AssertionError("The call succeeded")


assert ministack.app  # its services are registered by this import
