"""The file that travels to the hosts, run by every Python that a host may have, against the lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import probe_host
from ansible_collections.safesecrets.infra.plugins.plugin_utils import probe_bundle

from tests.lab.conftest import RunningLab

#: Amazon Linux 2023, Ubuntu 22.04, Debian 12, Ubuntu 24.04.
VERSIONS = ("3.9", "3.10", "3.11", "3.12")
HAIKU, LLAMA = "anthropic.claude-3-haiku-20240307-v1:0", "meta.llama3-8b-instruct-v1:0"
TRANSCRIBE = {"service": "transcribe", "operation": "StartStreamTranscription", "language_code": "en-US"}
SPEECH = {"service": "polly", "operation": "SynthesizeSpeech", "voice": "Joanna", "engine": "neural"}
CANADA = [
    {"service": "bedrock", "operation": "InvokeModel", "model_id": HAIKU},
    {"service": "bedrock", "operation": "InvokeModelWithResponseStream", "model_id": HAIKU},
    SPEECH,
    TRANSCRIBE,
]


def python(version: str) -> str:
    """The Python of a version, from this machine's or pyenv's."""
    places = [Path(f"/usr/bin/python{version}"), *Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        pytest.skip(f"there is no Python {version} on this machine")
    return str(found)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return probe_bundle.cached_bundle(tmp_path_factory.mktemp("cache"))


def probe(lab: RunningLab, bundle: Path, calls: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Run the probe as the module does, with this process' Python as the host's."""
    copy = bundle.with_name("service-probe-copy.pyz")
    copy.write_bytes(bundle.read_bytes())
    parameters = {
        "calls": calls,
        "provider": None,
        "connections": [],
        "environment_path": None,
        "credential_places": [],
        "imds_endpoint": lab.facts["imds_endpoint"],
        "endpoint_url": lab.facts["endpoint_url"],
        "ca_bundle": lab.facts["ca_bundle"],
        "timeout": 20,
        "user": "root" if os.geteuid() == 0 else None,
        "bundle": str(copy),
        "bundle_sha256": sha256(bundle.read_bytes()).hexdigest(),
    }
    return probe_host.probe(parameters | more, calls_allowed=True)


def in_region(region: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**call, "region": region, "expectation": "allowed"} for call in calls]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_python_of_a_host_makes_every_call(
    lab: RunningLab, bundle: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", python(version))
    done = probe(lab, bundle, [*in_region("ca-central-1", CANADA), *in_region("us-east-1", [SPEECH, TRANSCRIBE])])
    assert [each["status"] for each in done["results"]] == ["ok"] * 4 + ["refused"] * 2, done["results"]
    assert done["results"][2]["answer"]["mp3_frames"] > 4
    assert done["results"][3]["answer"]["clean_end"]
    assert all(each["request_id"] for each in done["results"])
    assert "is not authorized to perform: polly:SynthesizeSpeech" in done["results"][4]["message"]
    assert done["credentials"]["source"] == "IMDSv2"


def test_a_model_that_is_not_configured_is_refused(lab: RunningLab, bundle: Path) -> None:
    (result,) = probe(lab, bundle, in_region("ca-central-1", [{**CANADA[0], "model_id": LLAMA}]))["results"]
    assert (result["status"], result["error_code"]) == ("refused", "AccessDeniedException")


def test_without_an_instance_profile_nothing_is_called(lab: RunningLab, bundle: Path) -> None:
    with pytest.raises(probe_host.ProbeError, match="gave no credentials of an instance profile"):
        probe(lab, bundle, in_region("ca-central-1", CANADA), imds_endpoint="http://127.0.0.1:1")


def test_nothing_but_the_metadata_service_gives_credentials(
    lab: RunningLab, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator may do other things than the role: a call of the operator's would be refused by the role."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", lab.facts["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", lab.facts["secret_access_key"])
    (result,) = probe(lab, bundle, in_region("us-east-1", [SPEECH]))["results"]
    assert f"assumed-role/{lab.facts['role_name']}/" in result["message"]


def test_the_provider_is_asked_with_the_key_of_the_hosts_file(lab: RunningLab, bundle: Path, tmp_path: Path) -> None:
    file = tmp_path / "app.env"
    file.write_text("SMARTEST_AI_API_KEY=wrong-key-0123456789\n")
    provider = {
        "url": f"{lab.facts['provider_url']}/waves/v1/lightning-v3.1/get_voices",
        "api_key_name": "SMARTEST_AI_API_KEY",
    }
    done = probe(lab, bundle, [], provider=provider, environment_path=str(file))
    assert done["results"][0]["status"] == "refused"
    assert "wrong-key" not in json.dumps(done)


def test_the_file_runs_by_itself_for_who_reads_it(bundle: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(bundle)], input="{}", capture_output=True, text=True, check=False
    )
    assert finished.returncode != 0
    assert "imds_endpoint" in finished.stderr, "a plan that says nothing is no success"
