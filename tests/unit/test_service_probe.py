# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module on the host: what it refuses to use, what it looks for, what it leaves behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils import probe_host, static_keys
from ansible_collections.safesecrets.infra.plugins.modules import service_probe
from ansible_collections.safesecrets.infra.plugins.plugin_utils import probe_bundle

from tests.unit.module_runner import ModuleRunner, Result

CALL = {"service": "bedrock", "operation": "InvokeModel", "region": "us-east-1", "model_id": "anthropic.claude-v2"}
KEY = "AKIA" + "Q" * 16


@pytest.fixture
def travelled(tmp_path: Path) -> Path:
    """A file in a folder of Ansible's, as it lies on the host; it says what an honest probe would."""
    folder = tmp_path / "ansible-tmp-1"
    folder.mkdir()
    path = folder / "service-probe-0.pyz"
    program = (
        "import json, os, sys\n"
        "plan = json.load(sys.stdin)\n"
        "results = [{**call, 'status': 'ok', 'latency_ms': 7, 'isolated': sys.flags.isolated,"
        " 'names': sorted(os.environ), 'user': os.geteuid()} for call in plan['calls']]\n"
        "json.dump({'results': results, 'credentials': {'source': 'IMDSv2'}}, sys.stdout)\n"
    )
    _zip(path, program)
    return path


def _zip(path: Path, program: str) -> None:
    with path.open("wb") as file:
        probe_bundle._write_zip(file, {"__main__.py": program.encode()})


def run(run_module: ModuleRunner, path: Path, check_mode: bool = False, **arguments: Any) -> Result:
    values: dict[str, Any] = {
        "region": None,
        "calls": [CALL],
        "bundle": str(path),
        "bundle_sha256": sha256(path.read_bytes()).hexdigest() if path.exists() else "0" * 64,
        "credential_places": [],
        "user": "root" if os.geteuid() == 0 else None,
        **arguments,
    }
    return run_module(service_probe, values, check_mode=check_mode)


def test_the_file_runs_apart_from_the_host(run_module: ModuleRunner, travelled: Path) -> None:
    result = run(run_module, travelled)
    assert not result.failed, result.values
    made = result["results"][0]
    assert {"AWS_ACCESS_KEY_ID", "HOME", "PYTHONPATH"} & set(made["names"]) == set()
    assert made["isolated"] == 1
    assert (made["region"], made["status"]) == ("us-east-1", "ok")
    assert result["timing"]["slowest_call_ms"] == 7


def test_nothing_of_it_is_left_on_the_disk(run_module: ModuleRunner, travelled: Path) -> None:
    killed, recent = (travelled.parent.parent / name for name in ("ansible-tmp-2", "ansible-tmp-3"))
    for folder in (killed, recent):
        folder.mkdir()
        (folder / "service-probe-1.pyz").touch()
    long_ago = time.time() - 2 * probe_host.LEFT_BEHIND_SECONDS
    os.utime(killed / "service-probe-1.pyz", (long_ago, long_ago))
    run(run_module, travelled)
    assert not travelled.exists()
    assert not killed.exists(), "what a killed run left is removed"
    assert (recent / "service-probe-1.pyz").exists(), "a run beside this one keeps its file"


def test_a_file_that_was_changed_on_the_way_is_not_used(run_module: ModuleRunner, travelled: Path) -> None:
    expected = sha256(travelled.read_bytes()).hexdigest()
    trace = travelled.parent.parent / "was-run"
    _zip(travelled, f"import pathlib\npathlib.Path('{trace}').touch()\n")
    result = run(run_module, travelled, bundle_sha256=expected)
    assert result.failed
    assert f"not {expected}: it was not used" in result["msg"]
    assert not trace.exists()
    assert not travelled.exists()


def test_check_mode_calls_nothing(run_module: ModuleRunner, travelled: Path) -> None:
    result = run(run_module, travelled, check_mode=True)
    assert result["results"] == []
    assert travelled.exists(), "there was no need to read it"


def test_a_static_key_stops_the_calls_and_is_named_not_shown(
    run_module: ModuleRunner, travelled: Path, tmp_path: Path
) -> None:
    profiles = tmp_path / "credentials"
    profiles.write_text(f"[work]\naws_access_key_id = {KEY}\naws_secret_access_key = {'s' * 40}\n")
    result = run(run_module, travelled, credential_places=[str(profiles)])
    assert result["results"] == []
    assert result["static_keys"]["found"] == [
        {"place": str(profiles), "name": "aws_access_key_id of [work]"},
        {"place": str(profiles), "name": "aws_secret_access_key of [work]"},
    ]
    assert KEY not in str(result.values)
    assert "s" * 40 not in str(result.values)


def test_a_static_key_in_the_environment_is_found(
    run_module: ModuleRunner, travelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-shown")
    result = run(run_module, travelled, credential_places=["environment"])
    assert [each["name"] for each in result["static_keys"]["found"]] == ["AWS_SECRET_ACCESS_KEY"]
    assert result["results"] == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no module named x')", "before it was done: no module named x"),
        ("import json; print(json.dumps({'failure': 'IMDSv2 gave nothing'}))", "IMDSv2 gave nothing"),
    ],
)
def test_a_probe_that_breaks_is_a_failure_not_an_empty_result(
    run_module: ModuleRunner, travelled: Path, program: str, said: str
) -> None:
    _zip(travelled, program)
    result = run(run_module, travelled)
    assert result.failed
    assert said in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"calls": [{**CALL, "operation": "SynthesizeSpeech"}]}, "calls[0].operation: SynthesizeSpeech is none of"),
        ({"calls": [{key: CALL[key] for key in CALL if key != "model_id"}]}, "model_id"),
        ({"provider": {"url": "https://provider.example", "api_key_name": "KEY"}}, "environment_path"),
        ({"ca_bundle": "/nowhere.pem"}, "ca_bundle: "),
        ({"bundle": None, "bundle_sha256": None}, "no file came along"),
    ],
)
def test_what_cannot_be_is_refused(
    run_module: ModuleRunner, travelled: Path, arguments: dict[str, Any], said: str
) -> None:
    result = run(run_module, travelled, **arguments)
    assert result.failed
    assert said in result["msg"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"OTHER=1\n", "sets no SMARTEST_AI_API_KEY"), (None, "could not be read: No such file or directory")],
)
def test_a_key_that_is_not_there_is_said(
    run_module: ModuleRunner, travelled: Path, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "app.env"
    if content is not None:
        file.write_bytes(content)
    provider = {"url": "https://provider.example/voices", "api_key_name": "SMARTEST_AI_API_KEY"}
    result = run(run_module, travelled, provider=provider, environment_path=str(file))
    last = result["results"][-1]
    assert (last["service"], last["status"], last["error_code"]) == ("provider", "unanswered", "NoKey")
    assert last["message"] == f"{file} {problem}"


# Connections


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_connections_need_no_file(run_module: ModuleRunner, tmp_path: Path, listener: socket.socket) -> None:
    open_port, closed = listener.getsockname()[1], socket.create_server(("127.0.0.1", 0))
    closed_port = closed.getsockname()[1]
    closed.close()
    wanted = [{"host": "127.0.0.1", "port": port, "tls": False} for port in (open_port, closed_port)]
    result = run(run_module, tmp_path / "none", calls=[], connections=wanted, bundle=None, bundle_sha256=None)
    assert not result.failed, result.values
    reached, refused = result["connections"]
    assert (reached["connected"], reached["address"], reached["error"]) == (True, "127.0.0.1", None)
    assert (refused["connected"], refused["address"], refused["error"]) == (False, None, "Connection refused")


def test_what_does_not_speak_tls_is_no_success(
    run_module: ModuleRunner, tmp_path: Path, listener: socket.socket
) -> None:
    wanted = [{"host": "127.0.0.1", "port": listener.getsockname()[1]}]
    result = run(run_module, tmp_path / "none", calls=[], connections=wanted, timeout=1, bundle_sha256=None)
    assert not result["connections"][0]["connected"]
    assert result["connections"][0]["error"] == "TLS failed: no answer in time"


# Static keys


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("[default]\nregion = ca-central-1\nrole_arn = arn:aws:iam::111122223333:role/x\n", []),
        (f"[default]\naws_access_key_id={KEY}\n", ["aws_access_key_id of [default]"]),
        (f"[profile work]\nAWS_ACCESS_KEY_ID : {KEY}\n", ["aws_access_key_id of [profile work]"]),
        ("[default]\n# aws_access_key_id = gone\n", []),
        (f"NODE_ENV=production\nexport AWS_ACCESS_KEY_ID={KEY}\n", ["AWS_ACCESS_KEY_ID"]),
        (f"NODE_ENV=production\nDSN=https://{KEY}@host\n", ["an access key ID in line 2"]),
        ("AWS_REGION=ca-central-1\n", []),
    ],
)
def test_static_keys_in_files(content: str, names: list[str]) -> None:
    assert static_keys.in_file(content.encode()) == names


def test_places_are_looked_at_in_every_home_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "one/.aws").mkdir(parents=True)
    (tmp_path / "one/.aws/credentials").write_text(f"[default]\naws_access_key_id={KEY}\n")
    (tmp_path / "two/.aws/credentials").mkdir(parents=True)
    homes = [str(tmp_path / name) for name in ("one", "two", "three")]
    seen = static_keys.find(["~/.aws/credentials", "environment"], homes, {})
    assert [each["place"] for each in seen["found"]] == [f"{homes[0]}/.aws/credentials"]
    assert seen["unreadable"] == [{"place": f"{homes[1]}/.aws/credentials", "reason": "Is a directory"}]


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("KEY=abc\n", "abc"),
        ("KEY='abc'\n", "abc"),
        ('export KEY="a=b:c"\n', "a=b:c"),
        ("KEY=old\nKEY=new\n", "new"),
        ("OTHER=abc\n", None),
        ("#KEY=abc\n", None),
    ],
)
def test_the_value_of_a_variable(content: str, value: str | None) -> None:
    assert static_keys.value_of(content.encode(), "KEY") == value


# The file on the controller


def test_the_same_contents_are_the_same_file_and_hold_no_certificates(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.pyz", "two.pyz")]
    for path in paths:
        probe_bundle.build(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size < probe_bundle.GREATEST_BYTES
    names = zipfile.ZipFile(paths[0]).namelist()
    assert {name.split("/")[2] for name in names if name.startswith(probe_bundle.DATA)} == {
        *probe_bundle.GENERAL_DATA,
        *probe_bundle.SERVICES,
        "endpoints.json",
    }
    assert not [name for name in names if name.endswith((".pem", ".so", ".pyd"))]
    assert any("LICENSE" in name for name in names), "the libraries' licences travel with them"


def test_a_damaged_file_in_the_cache_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def build(path: Path) -> None:
        built.append(path)
        path.write_bytes(b"good")
        path.with_suffix(".sha256").write_text(probe_bundle.digest(path))

    monkeypatch.setattr(probe_bundle, "build", build)
    path = probe_bundle.cached_bundle(tmp_path)
    assert probe_bundle.cached_bundle(tmp_path) == path
    assert len(built) == 1, "it is built once"
    path.write_bytes(b"tampered")
    probe_bundle.cached_bundle(tmp_path)
    assert len(built) == 2
    assert path.read_bytes() == b"good"


def test_where_no_package_can_be_had_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found for h2==4.3.0")
    monkeypatch.setattr(probe_bundle.subprocess, "run", lambda *_args, **_options: refused)
    with pytest.raises(probe_bundle.BundleError, match=r"No matching distribution found.*validation_bundle"):
        probe_bundle.build(tmp_path / "file.pyz")
    assert list(tmp_path.iterdir()) == []


def test_the_builder_runs_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(probe_bundle.__file__).resolve()), str(tmp_path / "file.pyz")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"{tmp_path}/file.pyz ")
