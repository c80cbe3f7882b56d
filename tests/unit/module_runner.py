# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs a module as Ansible would, against AWS clients that answer from tables.

Two fixtures of ``tests/unit``::

    def test_lists_voices(aws, run_module):
        aws.answer("polly", "describe_voices", {"Voices": []}, region="us-east-1")
        result = run_module(polly_voice_info, {"regions": ["us-east-1"]})
        assert not result.failed
        assert aws.calls("polly", "describe_voices")[0].parameters == {"Engine": "generative"}

    def test_names_the_missing_permission(aws, run_module):
        aws.answer("polly", "describe_voices", aws_error("AccessDeniedException", "DescribeVoices"))
        result = run_module(polly_voice_info, {"regions": ["us-east-1"]})
        assert result.failed and "polly:DescribeVoices" in result["msg"]

The clients are botocore's own: a parameter or an answer that does not fit the service's model fails the test, and
paginators, waiters and modelled exceptions work as they do against AWS. Nothing is sent anywhere.

An answer is a response, an exception to raise, a callable that takes the call's parameters and returns either, or a
list of these, used one a call (the last one stays). Without ``region`` it holds for every region.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import botocore.session
from ansible.module_utils.testing import patch_module_args
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import OperationModel
from botocore.validate import validate_parameters

SDK_MODULE = "ansible_collections.amazon.aws.plugins.module_utils"
CREDENTIALS = {"aws_access_key_id": "AKIAUNITTEST", "aws_secret_access_key": "unit-test"}

Parameters = Mapping[str, Any]
Answer = Mapping[str, Any] | Exception | Callable[[Parameters], Any]


def aws_error(code: str, operation: str, message: str = "", status: int = 400) -> ClientError:
    """Build the error that botocore raises when AWS answers ``code`` to ``operation`` (``DescribeVoices``)."""
    text = message or f"{code} on {operation}"
    response = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Call:
    """One call that a client was asked to make."""

    service: str
    region: str
    operation: str
    parameters: Parameters


@dataclass
class Result:
    """What a module handed back: its JSON, and its verdict."""

    values: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Tell whether the module ended with ``fail_json``."""
        return bool(self.values.get("failed"))

    @property
    def changed(self) -> bool:
        """Tell whether the module reports a change."""
        return bool(self.values.get("changed"))

    def __getitem__(self, key: str) -> Any:
        """Return one returned value."""
        return self.values[key]


@dataclass
class StubbedClients:
    """botocore clients by service and region, which answer from tables and record what they were asked."""

    recorded: list[Call] = field(default_factory=list)
    _answers: dict[tuple[str, str, str | None], list[Answer]] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: botocore.session.Session = field(default_factory=botocore.session.Session)

    def answer(self, service: str, operation: str, answer: Answer | list[Answer], region: str | None = None) -> None:
        """Set what ``operation`` (``describe_voices``) of ``service`` answers, in one region or in all."""
        self._answers[service, operation, region] = list(answer) if isinstance(answer, list) else [answer]

    def calls(self, service: str, operation: str, region: str | None = None) -> list[Call]:
        """Return the calls made of one operation, in order."""
        return [
            call
            for call in self.recorded
            if (call.service, call.operation) == (service, operation) and region in (None, call.region)
        ]

    def client(self, service: str, region: str = "ca-central-1") -> Any:
        """Return the client of one service in one region."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._create(service, region)
        return self._clients[service, region]

    def _create(self, service: str, region: str) -> Any:
        client = self._session.create_client(service, region_name=region, **CREDENTIALS)
        methods = {operation: method for method, operation in client.meta.method_to_api_mapping.items()}
        asked = threading.local()  # the two events of one call come in the thread of the call

        def record(params: Parameters, model: OperationModel, **_: object) -> None:
            asked.call = Call(service, region, methods[model.name], dict(params))
            self.recorded.append(asked.call)

        def respond(model: OperationModel, **_: object) -> tuple[AWSResponse, dict[str, Any]]:
            return AWSResponse("", 200, {}, None), self._respond(asked.call, model)

        service_id = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-parameter-build.{service_id}.*", record)
        client.meta.events.register_last(f"before-call.{service_id}.*", respond)
        return client

    def _respond(self, call: Call, model: OperationModel) -> dict[str, Any]:
        answer = self._next_answer(call)
        if callable(answer):
            answer = answer(call.parameters)
        if isinstance(answer, Exception):
            raise answer
        try:
            if model.output_shape is not None:  # an operation may answer nothing
                validate_parameters(answer, model.output_shape)
        except ParamValidationError as error:
            raise AssertionError(f"{call.service} never answers {call.operation} so: {error}") from error
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **answer}

    def _next_answer(self, call: Call) -> Any:
        with self._lock:
            for region in (call.region, None):
                answers = self._answers.get((call.service, call.operation, region))
                if answers:
                    return answers.pop(0) if len(answers) > 1 else answers[0]
        raise AssertionError(f"no answer was set for {call}")


class ModuleRunner:
    """Calls modules as Ansible would: arguments in, JSON out, through the real ``AnsibleAWSModule``."""

    def __init__(self, aws: StubbedClients) -> None:
        self._aws = aws

    def __call__(
        self,
        module: ModuleType,
        arguments: Mapping[str, Any] | None = None,
        *,
        check_mode: bool = False,
        diff: bool = False,
    ) -> Result:
        """Run ``module.main()`` and return what it printed for Ansible.

        A region is given unless it is None in the arguments, for modules that take none.
        """
        given = {"region": "ca-central-1", **(arguments or {})}
        values = {
            **{name: value for name, value in given.items() if name != "region" or value is not None},
            "_ansible_check_mode": check_mode,
            "_ansible_diff": diff,
        }
        output = io.StringIO()
        with self._without_network(), patch_module_args(values), contextlib.redirect_stdout(output):
            try:
                module.main()
            except SystemExit:
                pass
            else:
                raise AssertionError(f"{module.__name__} ended without exit_json or fail_json")
        return Result(json.loads(output.getvalue()))

    @contextlib.contextmanager
    def _without_network(self) -> Iterator[None]:
        def boto3_conn(*_: object, resource: str, region: str, **__: object) -> Any:
            return self._aws.client(resource, region)

        # AWSRetry counts its tries as ever, and does not wait between them.
        at_once = SimpleNamespace(sleep=lambda _seconds: None)
        with (
            mock.patch(f"{SDK_MODULE}.modules.boto3_conn", boto3_conn),
            mock.patch(f"{SDK_MODULE}.cloud.time", at_once),
        ):
            yield
