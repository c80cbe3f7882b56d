"""The host is a system of its own: SSH, files, processes and AWS's real names; and it goes with its lab."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab import accounts, host_requirements
from lab.command_line import main
from tests.lab.conftest import REPOSITORY, run_lab
from tests.lab.host_lab import TOKEN, HostLab, gone, host_lab, processes, skip_where_impossible


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostLab]:
    """One host for all tests that leave it as it was."""
    with host_lab(tmp_path_factory.mktemp("host")) as running:
        yield running


def test_ansible_reaches_it_and_becomes_root(lab: HostLab) -> None:
    command = [str(Path(sys.executable).with_name("ansible")), "--inventory", "inventory/lab_host", "safesecrets"]
    result = subprocess.run(
        [*command, "--become", "--module-name", "ansible.builtin.command", "--args", "id -un"],
        cwd=REPOSITORY,
        env=os.environ | {"SAFESECRETS_LAB_DIR": str(lab.directory), "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "root"


def test_files_of_its_own(lab: HostLab, tmp_path: Path) -> None:
    (tmp_path / "controller.txt").write_text("not for the host")
    name = "ip-10-20-1-15.ca-central-1.compute.internal"
    assert lab.ssh("hostname; cat /etc/hostname").split() == [name, name]
    assert lab.ssh("sudo cat /etc/safesecrets.env") == accounts.load("today").environment_file
    assert lab.ssh("stat -c '%U:%G %a' /etc/safesecrets.env").strip() == "root:root 600"
    assert (Path(lab.facts["host_root"]) / "etc/safesecrets.env").read_text() == accounts.load("today").environment_file
    assert lab.ssh("ls -A /home; ls -A /tmp; sudo ls -A /root").split() == ["ec2-user"]
    assert lab.ssh("sudo cut -d: -f2 /etc/shadow | sort -u").strip() == "*"
    hidden = [tmp_path, REPOSITORY, lab.directory, Path.home() / ".bashrc", Path("/etc/ssh/sshd_config")]
    assert lab.ssh(f"sudo ls -d {' '.join(map(str, hidden))} 2>/dev/null || true") == ""


def test_processes_and_interfaces_of_its_own(lab: HostLab) -> None:
    commands = lab.ssh("ps -eo args=").splitlines()
    assert "host_start.sh" in commands[0]
    assert not [command for command in commands if "lab.server" in command], "the controller's processes are seen"
    assert lab.ssh("ls /sys/class/net").split() == ["eth0", "lo"]
    assert lab.ssh("env | grep -i -e AWS -e endpoint || true") == ""


def test_root_of_the_host_is_kept_from_the_machine(lab: HostLab) -> None:
    denied = "sudo mount -t tmpfs tmpfs /mnt 2>/dev/null || sudo mknod /dev/disk b 254 0 2>/dev/null"
    denied += " || sudo date -s 2020-01-01 >/dev/null 2>&1 || sudo sh -c 'echo 1 >/proc/sys/vm/drop_caches' 2>/dev/null"
    assert lab.ssh(f"{denied} || echo denied").strip() == "denied"


HEALTH = "http://127.0.0.1:3000/health"


def service(lab: HostLab, state: str) -> str:
    """Bring the host's service into a state as a role does; what Ansible printed."""
    command = [str(Path(sys.executable).with_name("ansible")), "--inventory", "inventory/lab_host", "safesecrets"]
    result = subprocess.run(
        [*command, "--become", "--module-name", "ansible.builtin.service", "--args", f"name=safesecrets state={state}"],
        cwd=REPOSITORY,
        env=os.environ | {"SAFESECRETS_LAB_DIR": str(lab.directory), "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return result.stdout


def health(lab: HostLab) -> tuple[str, dict[str, Any]]:
    """The application's health: status and page."""
    asked = f"curl -s -w '\\n%{{http_code}}' {HEALTH}"
    page, _, status = (
        lab.ssh(f'for i in $(seq 100); do page=$({asked}) && break; sleep 0.1; done; echo "$page"')
        .strip()
        .rpartition("\n")
    )
    return status, json.loads(page)


def test_application_is_restarted_and_takes_its_environment_anew(tmp_path: Path) -> None:
    with host_lab(tmp_path / "lab") as lab:
        status, page = health(lab)
        assert (status, page["regions"]) == ("200", {"AWS_REGION": "ca-central-1"})
        lab.ssh("echo AWS_REGION_USA=us-east-1 | sudo tee -a /etc/safesecrets.env")
        assert health(lab)[1]["process"] == page["process"], "nobody restarted it"
        assert "CHANGED" in service(lab, "restarted")
        status, restarted = health(lab)
        assert (status, restarted["regions"]["AWS_REGION_USA"]) == ("200", "us-east-1")
        assert restarted["process"] != page["process"]

        lab.ssh("echo REFUSES=AWS_REGION_USA | sudo tee /etc/default/safesecrets; sudo service safesecrets restart")
        assert health(lab)[0] == "503"
        lab.ssh("echo damaged | sudo tee -a /etc/safesecrets.env")
        assert "/etc/safesecrets.env, line 21: no NAME=VALUE" in service(lab, "restarted")
        assert lab.ssh("sudo service safesecrets status || true").strip() == "safesecrets is not running"


def test_orphans_are_reaped(lab: HostLab) -> None:
    lab.ssh("for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 0.5")
    assert "Z" not in "".join(lab.ssh("ps -eo stat=").split())


def test_metadata_service_at_its_real_address(lab: HostLab) -> None:
    meta = "http://169.254.169.254/latest/meta-data"
    assert lab.ssh(f"curl -sS -m 5 -o /dev/null -w '%{{http_code}}' {meta}/instance-id") == "401"
    get = f"T=$({TOKEN}); get() {{ curl -sSf -m 5 -H X-aws-ec2-metadata-token:$T {meta}/$1; }}"
    assert lab.ssh(f"{get}; get instance-id") == lab.facts["instance_id"]
    address, mac = lab.ssh(f"{get}; get local-ipv4; echo; get mac").split()
    assert address in lab.ssh("ip -4 address show eth0")
    assert mac in lab.ssh("ip link show eth0")
    role = lab.ssh(f"{get}; get iam/security-credentials/")
    credentials = json.loads(lab.ssh(f"{get}; get iam/security-credentials/{role}"))
    assert (role, credentials["Code"]) == (lab.facts["role_name"], "Success")


def test_signed_calls_go_to_aws_own_names_as_the_instance(lab: HostLab) -> None:
    script = f"""
    T=$({TOKEN}); meta=http://169.254.169.254/latest/meta-data/iam/security-credentials/
    get() {{ curl -sSf -m 5 -H X-aws-ec2-metadata-token:$T $meta$1; }}
    read K S C <<<$(get $(get) | python3 -c '
import json, sys
credentials = json.load(sys.stdin)
print(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["Token"])')
    call() {{ curl -sS -m 20 --aws-sigv4 aws:amz:$1:$2 --user $K:$S -H "x-amz-security-token: $C" "${{@:3}}"; echo; }}
    call us-east-1 sts -d 'Action=GetCallerIdentity&Version=2011-06-15' https://sts.amazonaws.com/
    call us-east-1 polly https://polly.us-east-1.amazonaws.com/v1/voices
    """
    identity, voices = lab.ssh(script).strip().splitlines()[-2:]
    session = f"assumed-role/{lab.facts['role_name']}/{lab.facts['instance_id']}"
    assert f"<Arn>arn:aws:sts::{lab.facts['account_id']}:{session}</Arn>" in identity
    assert f"{session} is not authorized to perform: polly:DescribeVoices" in voices


def test_certificate_is_trusted_by_what_the_system_has(lab: HostLab) -> None:
    script = """
import sys, urllib.error, urllib.request
for name in sys.argv[1:]:
    try:
        urllib.request.urlopen(f"https://{name}/", timeout=20)
    except urllib.error.HTTPError as error:
        print(name, "x-amzn-requestid" in error.headers and 400 <= error.code <= 403)
"""
    regions = ("ca-central-1", "us-east-1", "us-west-2")
    services = ("bedrock", "bedrock-runtime", "polly", "transcribestreaming", "sts", "ec2", "logs", "cloudtrail")
    names = [f"{service}.{region}.amazonaws.com" for region in regions for service in services]
    names += ["iam.amazonaws.com", "sts.amazonaws.com"]
    printed = lab.ssh(f"python3 -c '{script}' {' '.join(names)}")
    assert printed.splitlines() == [f"{name} True" for name in names]
    for name in ("example.com", "polly.eu-central-9.amazonaws.com", "amazonaws.com.example.com"):
        assert lab.ssh(f"getent hosts {name} || echo none").strip() == "none"


def test_speech_provider_at_its_own_name(lab: HostLab) -> None:
    def status(name: str, *headers: str) -> str:
        options = " ".join(f"-H '{header}'" for header in headers)
        url = f"https://{name}.smallest.ai/waves/v1/lightning-v3.1/get_voices"
        return lab.ssh(f"curl -sS -m 20 -o /dev/null -w '%{{http_code}}' {options} {url}")

    secret = lab.client("secretsmanager").get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"]
    assert status("api") == "401"
    assert status("api", f"Authorization: Bearer {secret}") == "200"
    assert status("redirect-to-other-host", f"Authorization: Bearer {secret}") == "302"
    with pytest.raises(AssertionError, match="certificate has expired"):
        status("certificate-expired")


def test_nothing_of_the_machines_own_network_is_changed(tmp_path: Path) -> None:
    def network() -> list[str]:
        looks = ("ip -json address", "ip -json route show table all", "ip -json -6 route show table all")
        shown = [subprocess.run(look.split(), capture_output=True, text=True, check=True).stdout for look in looks]
        shown.append(subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout)
        return [json.dumps(_timeless(json.loads(text))) if text.startswith("[") else text for text in shown]

    skip_where_impossible()
    before = network()
    with host_lab(tmp_path / "lab") as running:
        assert running.ssh("id -un").strip() == "ec2-user"
        assert network() == before
    assert network() == before


def _timeless(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if "life_time" not in key and key != "expires"} for row in shown]


def test_killed_lab_takes_its_host_along_and_is_healed(tmp_path: Path) -> None:
    with host_lab(tmp_path / "lab") as running:
        os.kill(running.facts["pid"], signal.SIGKILL)
        assert gone(running.directory)
        assert run_lab(running.directory, "up", "--host").returncode == 0
        healed = HostLab(running.directory, json.loads((running.directory / "lab.json").read_text()))
        assert healed.ssh("sudo id -un").strip() == "root"
    assert gone(tmp_path / "lab")
    assert not (tmp_path / "lab").exists()


def test_half_made_host_goes_with_its_lab(tmp_path: Path) -> None:
    skip_where_impossible()
    directory = tmp_path / "lab"
    start = [sys.executable, "-m", "lab", "up", "--host", "--lab-dir", str(directory)]
    with subprocess.Popen(start, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as process:
        while not (starting := [pid for pid in processes(directory) if _is_host(pid)]) and process.poll() is None:
            time.sleep(0.005)
        assert starting
        os.kill(int((directory / "lab.pid").read_text()), signal.SIGKILL)
    assert gone(directory)
    with host_lab(directory) as healed:
        assert healed.ssh("id -un").strip() == "ec2-user"


def _is_host(pid: int) -> bool:
    with suppress(OSError):
        return b"host_start.sh" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def test_two_labs_side_by_side(lab: HostLab, tmp_path: Path) -> None:
    instance_id = (
        f"curl -sS -m 5 -H X-aws-ec2-metadata-token:$({TOKEN}) http://169.254.169.254/latest/meta-data/instance-id"
    )
    with host_lab(tmp_path / "lab") as other:
        assert other.facts["host_port"] != lab.facts["host_port"]
        assert other.ssh(instance_id) == other.facts["instance_id"] != lab.facts["instance_id"]
        assert lab.ssh(instance_id) == lab.facts["instance_id"]
        other.ssh("sudo touch /etc/only-here")
    assert lab.ssh("ls /etc/only-here 2>/dev/null || echo none").strip() == "none"


def test_host_is_not_added_to_a_running_lab(tmp_path: Path) -> None:
    skip_where_impossible()
    assert run_lab(tmp_path / "lab", "up").returncode == 0
    try:
        asked = run_lab(tmp_path / "lab", "up", "--host")
        assert asked.returncode == 1
        assert "runs without a host of its own: take it down first, with `make lab-down`" in asked.stderr
        assert "host_address" not in json.loads((tmp_path / "lab" / "lab.json").read_text())
    finally:
        run_lab(tmp_path / "lab", "down")


def test_status_says_how_to_get_onto_it(lab: HostLab, command: Callable[..., Any]) -> None:
    printed = command(lab.directory, "status").stdout
    assert f"ssh -i {lab.facts['host_key']} -o UserKnownHostsFile={lab.facts['host_known_hosts']}" in printed


def test_without_root_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["up", "--host", "--lab-dir", str(tmp_path / "lab")]) == 2
    assert "only root makes: run this as root, or leave --host out" in capsys.readouterr().err
    assert not (tmp_path / "lab").exists()


def test_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host_requirements, "COMMANDS", ("mount", "no-such-command"))
    assert main(["up", "--host", "--lab-dir", str(tmp_path / "lab")]) == 2
    assert "needs no-such-command: run `make setup-host` as root" in capsys.readouterr().err
