"""AWS's own command line as a client of the lab: the commands that the requirements and their users type."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
REQUEST = json.dumps(
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 8, "messages": [{"role": "user", "content": "Hello."}]}
)
SPEECH = ("polly", "synthesize-speech", "--text", "Hello.", "--voice-id", "Joanna", "--output-format", "mp3")
INVOKE = ("bedrock-runtime", "invoke-model", "--model-id", HAIKU)
INVOKE += ("--body", REQUEST)
#: As the AWS CLI shows an error: its code and its operation, then AWS's own words.
ERROR = re.compile(
    r"An error occurred \((?P<code>\w+)\) when calling the (?P<operation>\w+) operation: (?P<message>.+)"
)
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def cli(lab: Any, clients: Path) -> Cli:
    """``cli("sts", "get-caller-identity", region="us-east-1")`` as the operator; ``host=True``: as the instance.

    The instance's credentials are those that the CLI fetches for itself from the metadata service.
    """

    def run(*arguments: str, region: str = "ca-central-1", host: bool = False) -> subprocess.CompletedProcess[str]:
        facts = lab.facts
        key = {"AWS_ACCESS_KEY_ID": facts["access_key_id"], "AWS_SECRET_ACCESS_KEY": facts["secret_access_key"]}
        metadata = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": facts["imds_endpoint"], "AWS_EC2_METADATA_DISABLED": "false"}
        return subprocess.run(
            [sys.executable, "-m", "awscli", "--region", region, "--output", "json", *arguments],
            env=os.environ
            | {"PYTHONPATH": str(clients / "python"), "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}
            | {"AWS_ENDPOINT_URL": facts["endpoint_url"], "AWS_CA_BUNDLE": facts["ca_bundle"]}
            | (metadata if host else key),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def answer(run: subprocess.CompletedProcess[str]) -> Any:
    """The document that a command printed."""
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_instance_is_known_by_its_session(cli: Cli, lab: Any) -> None:
    session = f"assumed-role/{lab.facts['role_name']}/{lab.facts['instance_id']}"
    identity = answer(cli("sts", "get-caller-identity", host=True))
    assert identity["Arn"] == f"arn:aws:sts::{lab.facts['account_id']}:{session}"


def test_generative_voices_are_listed(cli: Cli) -> None:
    voices = answer(cli("polly", "describe-voices", "--engine", "generative", region="us-east-1"))["Voices"]
    assert {"Ruth", "Matthew", "Joanna"} <= {voice["Id"] for voice in voices}
    assert all("generative" in voice["SupportedEngines"] for voice in voices)


def test_speech_is_audio_where_the_role_is_allowed(cli: Cli, tmp_path: Path) -> None:
    audio = tmp_path / "speech.mp3"
    told = answer(cli(*SPEECH, "--engine", "neural", str(audio), host=True))
    assert (told["ContentType"], int(told["RequestCharacters"])) == ("audio/mpeg", 6)
    assert audio.read_bytes()[:2] == b"\xff\xf3"


def test_a_model_answers_where_the_role_is_allowed(cli: Cli, tmp_path: Path) -> None:
    content = tmp_path / "answer.json"
    assert answer(cli(*INVOKE, str(content), host=True))["contentType"] == "application/json"
    assert json.loads(content.read_text())["role"] == "assistant"


@pytest.mark.parametrize(
    ("command", "operation", "action"),
    [
        ((*SPEECH, "--engine", "generative"), "SynthesizeSpeech", "polly:SynthesizeSpeech"),
        (INVOKE, "InvokeModel", "bedrock:InvokeModel"),
    ],
)
def test_the_role_is_denied_in_the_us(
    cli: Cli, tmp_path: Path, command: tuple[str, ...], operation: str, action: str
) -> None:
    denied = cli(*command, str(tmp_path / "answer"), region="us-east-1", host=True)
    assert denied.returncode != 0
    found = ERROR.search(denied.stderr)
    assert found, denied.stderr
    assert (found["code"], found["operation"]) == ("AccessDeniedException", operation)
    assert f"is not authorized to perform: {action}" in found["message"]
    assert f"because no identity-based policy allows the {action} action" in found["message"]


@pytest.mark.parametrize(
    "command", [("bedrock", "invoke-model"), ("transcribe", "start-stream-transcription")], ids=" ".join
)
def test_commands_of_the_requirements_that_the_cli_has_not(cli: Cli, command: tuple[str, ...]) -> None:
    refused = cli(*command)
    assert refused.returncode != 0
    assert "invalid choice" in refused.stderr.lower()


def test_models_and_inference_profiles_are_listed_page_by_page(cli: Cli) -> None:
    models = answer(cli("bedrock", "list-foundation-models", "--by-provider", "Anthropic", region="us-east-1"))
    assert HAIKU in {model["modelId"] for model in models["modelSummaries"]}
    whole = answer(cli("bedrock", "list-inference-profiles", region="us-east-1"))["inferenceProfileSummaries"]
    paged = answer(cli("bedrock", "list-inference-profiles", "--page-size", "2", region="us-east-1"))
    assert paged["inferenceProfileSummaries"] == whole
    assert len(whole) > 2


def test_the_roles_policy_is_read_and_simulated(cli: Cli, lab: Any) -> None:
    role = ("--role-name", lab.facts["role_name"])
    names = answer(cli("iam", "list-role-policies", *role))["PolicyNames"]
    policy = answer(cli("iam", "get-role-policy", *role, "--policy-name", names[0]))["PolicyDocument"]
    assert policy["Statement"][1]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "ca-central-1"}}
    arn = f"arn:aws:iam::{lab.facts['account_id']}:role/{lab.facts['role_name']}"
    decisions = [
        answer(
            cli(
                *("iam", "simulate-principal-policy", "--policy-source-arn", arn),
                *("--action-names", "polly:SynthesizeSpeech", "--context-entries"),
                f"ContextKeyName=aws:RequestedRegion,ContextKeyValues={region},ContextKeyType=string",
            )
        )["EvaluationResults"][0]["EvalDecision"]
        for region in ("ca-central-1", "us-east-1")
    ]
    assert decisions == ["allowed", "implicitDeny"]


def test_calls_are_found_in_cloudtrail(cli: Cli, lab: Any, tmp_path: Path) -> None:
    denied = cli(*SPEECH, "--engine", "generative", str(tmp_path / "speech"), region="us-east-1", host=True)
    assert denied.returncode != 0
    wanted = ("--lookup-attributes", "AttributeKey=EventName,AttributeValue=SynthesizeSpeech")
    end = time.monotonic() + 30
    events: list[dict[str, Any]] = []
    while not events and time.monotonic() < end:
        time.sleep(1)
        events = answer(cli("cloudtrail", "lookup-events", *wanted, region="us-east-1"))["Events"]
    content = json.loads(events[0]["CloudTrailEvent"])
    assert (content["eventSource"], content["errorCode"]) == ("polly.amazonaws.com", "AccessDenied")
    assert content["userIdentity"]["arn"].endswith(f"{lab.facts['role_name']}/{lab.facts['instance_id']}")
    assert "aws-cli" in content["userAgent"]


def test_security_groups_are_described(cli: Cli) -> None:
    groups = answer(cli("ec2", "describe-security-groups"))["SecurityGroups"]
    assert "safesecrets" in {group["GroupName"] for group in groups}
