# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The report that the golden files of the renderers are made of, with a finding of every kind; see ``make golden``.

It is a run that found much wrong, on two hosts: what is rendered of it shows every state that a reader can meet.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import finding
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_files import as_text
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_render import rendered
from ansible_collections.safesecrets.infra.plugins.module_utils.report import FailedTask, Run, build_report

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "roles/handover/templates"
GOLDEN = Path(__file__).with_name("handover")

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RUN = "6a4ba836-a642-46d7-9db9-9974a6e5a274"
EARLIER_RUN = "1c1d7a52-91c5-4b58-8a0e-3b4f3fb7a1de"
ACCOUNT = "210987654321"
CA, US = "ca-central-1", "us-east-1"
HAIKU, SONNET = "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0"
PROFILE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/MM-KA-SceneBeat-SafeSecretsEC2Role"
#: Would run in a browser, end a table's cell in Markdown, or end a comment, if it were not escaped.
HOSTILE = '<script>alert(1)</script> | `x` "quoted" & <img src=x onerror=alert(2)>\n## heading ```'

Row = dict[str, Any]


def seen(identifier: str, item: str, subject: str, status: str, detail: str, **more: Any) -> Row:
    """Return a finding of noon."""
    return finding(identifier, item, subject, status, detail, observed_at=NOON, **more)


def statement(regions: list[str]) -> Row:
    return {
        "Sid": "SafeSecretsSpeech",
        "Effect": "Allow",
        "Action": ["polly:SynthesizeSpeech", "transcribe:StartStreamTranscription"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": regions}},
    }


def prerequisites() -> list[Row]:
    regions = {"CA": CA, "US": US}
    return [
        seen(
            "prerequisites.configuration",
            "prerequisites",
            "safesecrets_regions",
            "pass",
            "The configuration of 2 regions and 4 modes is sound.",
            evidence={"regions": regions, "default_region": "CA"},
        ),
        seen(
            "prerequisites.account", "prerequisites", ROLE, "pass", f"The credentials are those of account {ACCOUNT}."
        ),
        *modes(),
    ]


def modes() -> list[Row]:
    return [
        mode("1", "Full Canada", "canada", "fail", served(PROFILE, [CA, US, "us-west-2"]), served("neural", [CA], CA)),
        mode("2", "Canada with US voice", "canada_and_us", "pass", served(HAIKU, [CA]), served("generative", [US], US)),
        mode("3", "US", "us", "pass", served(HAIKU, [US], US), served("generative", [US], US)),
        mode(
            "4", "US with Smartest.ai speech", "us", "unproven", served(HAIKU, [US], US), served("provider", [], None)
        ),
    ]


def served(route: str, regions: list[str], region: str | None = CA) -> Row:
    return {
        "region": region,
        "route": route,
        "regions": regions,
        "jurisdictions": sorted({"Canada" if name == CA else "United States" for name in regions}) or ["not known"],
        "path": f"{route} → {', '.join(regions)}",
    }


def mode(key: str, name: str, promise: str, status: str, model: Row, speech: Row) -> Row:
    region = model["region"]
    services = [
        {"service": "language_model", **model},
        {"service": "transcription", **served("stream", [region], region)},
        {"service": "speech", **speech},
    ]
    beyond = [name for name in model["regions"] if promise == "canada" and name != CA]
    return seen(
        "residency.mode",
        "prerequisites",
        f"mode {key} ({name})",
        status,
        "It promises that data stays in Canada, but data may leave." if status == "fail" else f"Seen: {name}.",
        remedy="Configure in safesecrets_regions.CA.models a model that ca-central-1 offers on demand.",
        evidence={
            "mode": key,
            "name": name,
            "promise": promise,
            "services": services,
            "exceeds": [{"service": "language_model", "regions": beyond}] if beyond else [],
        },
    )


def access() -> list[Row]:
    def ready(model: str, region: str, status: str, detail: str, **evidence: Any) -> Row:
        return seen(
            "bedrock_access.model_ready",
            "INFRA-P2-2",
            model,
            status,
            detail,
            region=region,
            remedy="Request access." if status != "pass" else "",
            evidence=evidence,
        )

    on_demand = {"route": {"kind": "on_demand", "id": HAIKU, "destinations": [CA]}}
    profile = {"route": {"kind": "geographic_profile", "id": PROFILE, "destinations": [US, "us-east-2", "us-west-2"]}}
    dated = {"lifecycle": {"status": "LEGACY", "days_left": 41}}
    return [
        ready(HAIKU, CA, "pass", "The account has access; the model is called on demand.", **on_demand),
        ready(PROFILE, US, "pass", "The account has access; the model is called by its profile.", **profile, **dated),
        ready(SONNET, US, "unproven", "Access was requested. The agreement is pending."),
        ready("anthropic.claude-3-opus-20240229-v1:0", US, "not_applicable", "Optional, and not used: not offered."),
    ]


def policy() -> list[Row]:
    allowed = [
        seen(
            "iam_policy.action_allowed",
            "INFRA-P2-1",
            action,
            "pass",
            "The simulation allows it on 1 resource.",
            region=region,
            evidence={"decisions": [{"action": action, "decision": "allowed"}]},
        )
        for region in (CA, US)
        for action in ("bedrock:InvokeModel", "polly:SynthesizeSpeech", "transcribe:StartStreamTranscription")
    ]
    document = {"Version": "2012-10-17", "Statement": [statement([CA, US])]}
    former = {"Version": "2012-10-17", "Statement": [statement([CA])]}
    return [
        *allowed,
        seen(
            "iam_policy.policy_document",
            "INFRA-P2-1",
            f"{ROLE} SafeSecretsMultiRegion",
            "pass",
            "The inline policy is as configured.",
            evidence={
                "policy_name": "SafeSecretsMultiRegion",
                "policy_document": document,
                "former_policy_document": former,
            },
        ),
    ]


def voices() -> list[Row]:
    offered = [{"id": each, "gender": "Female", "language_code": "en-US"} for each in ("Danielle", "Joanna", "Ruth")]
    listed = {"engine": "generative", "voices": offered}
    return [
        seen("polly_voices.voice_available", "INFRA-P2-3", "Ruth (generative)", "pass", "Available.", region=US),
        seen(
            "polly_voices.voice_available",
            "INFRA-P2-3",
            "Matthew (generative)",
            "fail",
            "Matthew is not offered on the generative engine; there are Danielle, Joanna, Ruth.",
            region=US,
            remedy="Choose voices in safesecrets_regions.US.voices.required that are on this engine.",
        ),
        seen(
            "polly_voices.voices_listed",
            "INFRA-P2-3",
            "all generative voices",
            "pass",
            "3 voices on the generative engine: Danielle, Joanna, Ruth.",
            region=US,
            evidence=listed,
        ),
    ]


def files(host: str, default: str) -> list[Row]:
    def variables(region: str, values: Row) -> Row:
        return seen(
            "environment.variables",
            "INFRA-P2-5",
            f"{host}:/etc/safesecrets.env",
            "pass",
            "The file holds the variables.",
            region=region,
            evidence={"variables": values},
        )

    return [
        variables(CA, {"AWS_REGION_DEFAULT": CA, "AWS_REGION_CANADA": CA, "BEDROCK_MODEL_ID_CA": HAIKU}),
        variables(US, {"AWS_REGION_USA": US, "BEDROCK_MODEL_ID_US": default, "POLLY_REGION_US": US}),
        seen(
            "smartest_ai.configured",
            "INFRA-P2-6",
            f"{host}:/etc/safesecrets.env",
            "pass",
            "The file holds SMARTEST_AI_API_KEY, SMARTEST_AI_ENDPOINT.",
            evidence={
                "key_name": "SMARTEST_AI_API_KEY",
                "key_source": "the secret safesecrets/smartest-ai in ca-central-1",
                "key_fingerprint": "sha256:3f9a1c20",
                "endpoint_name": "SMARTEST_AI_ENDPOINT",
                "endpoint": "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech",
            },
        ),
    ]


def calls() -> list[Row]:
    def call(action: str, region: str, status: str, latency: float | None, **more: Any) -> Row:
        operation = action.partition(":")[2]
        expectation = more.pop("expectation", "allowed")
        refused = expectation == "refused"
        return seen(
            "validation.call",
            "validation",
            f"{operation} {more.get('what', '')}".strip(),
            status,
            more.pop("detail", "The call was served." if not refused else "It was refused, as it must be."),
            region=region,
            remedy="Look at the other witnesses." if status != "pass" else "",
            evidence={
                "service": action.partition(":")[0],
                "operation": operation,
                "action": action,
                "region": region,
                "route": {"kind": "on_demand", "model_id": more.get("what", "")},
                "expectation": expectation,
                "host_call": {
                    "status": 403 if refused else 200,
                    "error_code": "AccessDeniedException" if refused else "",
                    "message": "",
                    "request_id": f"0f3c{len(operation):02}-{region}",
                    "latency_ms": latency,
                    "attempted_at": "2026-11-24T12:00:00Z",
                },
            },
        )

    return [
        call("bedrock:InvokeModel", CA, "pass", 412.4, what=HAIKU),
        call("bedrock:InvokeModel", US, "pass", 637.9, what=PROFILE),
        call("polly:SynthesizeSpeech", US, "fail", 88.0, detail=HOSTILE),
        call("transcribe:StartStreamTranscription", US, "unproven", None, detail="No answer within 10 s."),
        call("bedrock:InvokeModel", "us-west-2", "pass", 61.2, expectation="refused", what=HAIKU),
        seen(
            "validation.denials",
            "validation",
            "CloudTrail",
            "unproven",
            "The host's own calls have not appeared yet.",
            region=US,
            remedy="Look again after 12:15 with safesecrets_refresh=stale.",
        ),
    ]


def fixture() -> Row:
    """Return the report."""
    run = Run(
        run_id=RUN,
        started_at=NOON - timedelta(seconds=48),
        finished_at=NOON,
        playbook="playbooks/site.yml",
        check_mode=False,
        account_id=ACCOUNT,
        collection_version="0.1.0",
        configuration="00112233445566ff",
    )
    earlier = [{**each, "run_id": EARLIER_RUN} for each in voices()]
    observations = {
        "localhost": [*prerequisites(), *access(), *policy(), *earlier],
        "app-1": [*files("app-1", PROFILE), *calls()],
        "app-2": files("app-2", SONNET),
    }
    failed = [FailedTask("app-2", "safesecrets.infra.egress : Look", "INFRA-P2-4", f"Timed out {HOSTILE}", True)]
    return json.loads(as_text(build_report(run, observations, failed, ["Only a part was asked for: --limit app-1"])))


def regenerate() -> None:
    """Write the report and everything that is rendered from it."""
    report = fixture()
    for name, text in {"report.json": as_text(report), **rendered(report, TEMPLATES)}.items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
