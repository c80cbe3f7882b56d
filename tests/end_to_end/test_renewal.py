# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run that renews only what is stale, on two hosts of which the first has nothing that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher

from tests.end_to_end.playbook_run import Lab, Run, running_lab

FIRST, SECOND = "safesecrets-app", "safesecrets-second"
CALL, DENIALS = "validation.call", "validation.denials"
RUTH = "polly:SynthesizeSpeech Ruth (generative)"
MODEL = "meta.llama3-8b-instruct-v1:0"


@dataclass(frozen=True)
class Renewals:
    """The runs, and how often the probe had called, and what was remembered of its calls, when each was over."""

    everything: Run
    denials: Run
    denied: Run
    calls: list[int]
    remembered: list[list[dict[str, Any]]]


def expire(lab: Lab, host: str, identifier: str, subject: str = "") -> None:
    """Let proofs of a host be two days old."""
    path = lab.directory / "handover/shards" / f"{host}.json"
    shard = json.loads(path.read_text())
    for each in shard["findings"]:
        if each["id"] == identifier and subject in each["subject"]:
            for name in ("observed_at", "expires_at"):
                moment = datetime.fromisoformat(each[name]) - timedelta(days=2)
                each[name] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps(shard))


def remembered_calls(lab: Lab) -> list[dict[str, Any]]:
    shards = [json.loads(path.read_text()) for path in sorted((lab.directory / "handover/shards").glob("safe*.json"))]
    return [each for shard in shards for each in shard["findings"] if each["id"] == CALL]


def calls_of_probe(lab: Lab) -> int:
    """Count what CloudTrail has of the probe."""
    session = boto3.Session(lab.facts["access_key_id"], lab.facts["secret_access_key"])
    since = datetime.now(UTC) - timedelta(hours=1)
    events = []
    for region in ("ca-central-1", "us-east-1", "us-west-2"):
        client = session.client(
            "cloudtrail", region, endpoint_url=lab.facts["endpoint_url"], verify=lab.facts["ca_bundle"]
        )
        pages = client.get_paginator("lookup_events").paginate(StartTime=since)
        events += [each["CloudTrailEvent"] for page in pages for each in page["Events"]]
    return sum("safesecrets-service-probe" in event for event in events)


def deny(lab: Lab) -> None:
    """Call as the application would what its role may not."""
    fetcher = InstanceMetadataFetcher(base_url=f"{lab.facts['imds_endpoint']}/", env={})
    found = InstanceMetadataProvider(fetcher).load()
    session = boto3.Session(found.access_key, found.secret_key, found.token, "us-east-1")
    client = session.client("bedrock-runtime", endpoint_url=lab.facts["endpoint_url"], verify=lab.facts["ca_bundle"])
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        client.invoke_model(modelId=MODEL, body="{}")


@pytest.fixture(scope="module")
def renewals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renewals]:
    directory: Path = tmp_path_factory.mktemp("renewal")
    inventory = directory / "second.yml"
    inventory.write_text(f"safesecrets: {{hosts: {{{SECOND}: }}}}\n")
    more, stale = ("--inventory", str(inventory)), {"safesecrets_refresh": "stale"}
    with running_lab("converged", directory / "lab") as lab:
        everything = lab.play(*more, playbook="validate.yml")
        calls, remembered = [calls_of_probe(lab)], [remembered_calls(lab)]
        expire(lab, SECOND, DENIALS)
        denials = lab.play(*more, playbook="validate.yml", variables=stale)
        calls.append(calls_of_probe(lab))
        remembered.append(remembered_calls(lab))
        deny(lab)
        expire(lab, FIRST, DENIALS)
        expire(lab, SECOND, CALL, RUTH)
        denied = lab.play(*more, playbook="validate.yml", variables=stale)
        calls.append(calls_of_probe(lab))
        yield Renewals(everything, denials, denied, calls, remembered)


def renewed(run: Run, identifier: str) -> list[dict[str, Any]]:
    assert run.report is not None, run.output
    return run.findings(identifier, run_id=run.report["run_id"])


def test_both_hosts_are_proven_first(renewals: Renewals) -> None:
    assert renewals.everything.returncode == 0, renewals.everything.output
    calls = renewals.everything.findings(CALL)
    assert renewals.calls[0] == 2 * len([each for each in calls if each["region"]])


def test_stale_denials_are_renewed_without_a_call(renewals: Renewals) -> None:
    run = renewals.denials
    assert run.returncode == 0, run.output
    assert renewals.calls[1] == renewals.calls[0]
    assert {(*each["hosts"], each["region"], each["status"]) for each in renewed(run, DENIALS)} == {
        (SECOND, "ca-central-1", "pass"),
        (SECOND, "us-east-1", "pass"),
    }
    assert "Make all calls at the same time" not in run.output
    assert "Simulate every action" not in run.output


def test_what_is_fresh_stays_as_it_was(renewals: Renewals) -> None:
    kept = {each["run_id"] for each in renewals.denials.findings(CALL)}
    assert kept == {renewals.everything.report["run_id"]}
    assert renewals.remembered[1] == renewals.remembered[0]


def test_a_denial_since_the_calls_is_found(renewals: Renewals) -> None:
    run = renewals.denied
    assert run.returncode != 0
    assert FIRST in {host for each in renewed(run, DENIALS) if each["status"] == "fail" for host in each["hosts"]}
    assert f"foundation-model/{MODEL} in us-east-1 was denied" in " ".join(run.output.split())


def test_a_stale_call_is_made_again_alone(renewals: Renewals) -> None:
    assert [(each["subject"], *each["hosts"]) for each in renewed(renewals.denied, CALL)] == [(RUTH, SECOND)]
    assert renewals.calls[2] == renewals.calls[1] + 1
