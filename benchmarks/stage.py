"""A lab of its own for one run, restored to its start, and the plan of what has to be done there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHON = REPOSITORY / ".venv/bin/python"
CONFIGURATION = REPOSITORY / "inventory/lab/group_vars/all/safesecrets.yml"
START_SECONDS = 60.0
HOME, CONTROL_REGION, CONTROL_MODEL = "ca-central-1", "us-west-2", "meta.llama3-8b-instruct-v1:0"
POLICY = "SafeSecretsMultiRegion"
ENDPOINT = "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech"
#: What a fleet beyond Canada and the US would add; the lab has their voices, their models come with the plan.
FURTHER_REGIONS = {
    "DE": ("eu-central-1", "GERMANY"),
    "UK": ("eu-west-2", "UNITED_KINGDOM"),
    "IE": ("eu-west-1", "IRELAND"),
    "JP": ("ap-northeast-1", "JAPAN"),
    "KR": ("ap-northeast-2", "KOREA"),
    "AU": ("ap-southeast-2", "AUSTRALIA"),
}


def regions(number: int) -> dict[str, Any]:
    """The lab's regions, and more of Canada's kind."""
    configured: dict[str, Any] = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["safesecrets_regions"]
    like = configured["CA"]
    further = {code: {**like, "region": region, "name": name} for code, (region, name) in FURTHER_REGIONS.items()}
    known = {**configured, **further}
    if not len(configured) <= number <= len(known):
        raise ValueError(f"{number} regions: {len(configured)} to {len(known)} are known")
    return dict(list(known.items())[:number])


@dataclass(frozen=True)
class Stage:
    """A running lab."""

    directory: Path
    facts: dict[str, Any]
    plan: dict[str, Any]
    plan_file: Path
    #: The hosts beside the first one, for Ansible.
    fleet_file: Path
    pid: int

    def log(self) -> str:
        """The lab's log so far."""
        return (self.directory / "lab.log").read_text(encoding="utf-8")

    def forget_trail(self) -> None:
        """Let CloudTrail's events be of another day."""
        os.kill(self.pid, signal.SIGUSR1)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a contender: nothing of the caller's AWS or Ansible set-up."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_"))}
        path = os.pathsep.join([str(PYTHON.parent), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return kept | {
            "PATH": path,
            "PYTHONPATH": "",
            "AWS_CA_BUNDLE": self.facts["ca_bundle"],
            "SAFESECRETS_LAB_DIR": str(self.directory / "lab"),
            "SAFESECRETS_HANDOVER": str(self.directory / "handover"),
            "TMPDIR": str(self.directory),
            **more,
        }

    def operator(self) -> dict[str, str]:
        """The operator's credentials, for who is no playbook of the inventory."""
        return {
            "AWS_ACCESS_KEY_ID": self.facts["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.facts["secret_access_key"],
            "AWS_DEFAULT_REGION": HOME,
            "AWS_ENDPOINT_URL": self.facts["endpoint_url"],
        }


@contextmanager
def staged(*, idle: bool, hosts: int = 1, number_of_regions: int = 2, account: str = "") -> Iterator[Stage]:
    """Start a lab, idle: as a run leaves it, and stop it at the end."""
    chosen = regions(number_of_regions)
    account = account or ("converged" if idle else "today")
    with tempfile.TemporaryDirectory(prefix="safesecrets-bench-") as name:
        directory = Path(name)
        fleet = directory / "fleet.json"
        asked = _asked(account, chosen, hosts, idle=idle)
        process = _start(directory, json.dumps(asked), fleet)
        try:
            _await(process, fleet, directory)
            yield _stage(directory, chosen, json.loads(fleet.read_text(encoding="utf-8")), process.pid)
        finally:
            process.terminate()
            process.wait()


def _asked(account: str, chosen: Mapping[str, Any], hosts: int, *, idle: bool) -> dict[str, Any]:
    """What the lab is started with."""
    further = list(chosen.values())[2:]
    as_left = idle and bool(further)
    return {
        "account": account,
        "hosts": hosts,
        "models": {entry["region"]: entry["models"]["allowlist"] for entry in further},
        "policies": {POLICY: policy_document(chosen)} if as_left else {},
        "blocks": {"environment": _variables(chosen)} if as_left else {},
    }


def _variables(chosen: Mapping[str, Any]) -> dict[str, str]:
    from benchmarks import work  # noqa: PLC0415

    return work.variables(chosen, "CA")


def policy_document(chosen: Mapping[str, Any]) -> Any:
    """The document that is wanted: the product's own, so that all contenders write the same."""
    sys.path.insert(0, str(REPOSITORY / "collections"))
    from ansible_collections.safesecrets.infra.plugins.module_utils.iam_policy_document import (  # noqa: PLC0415
        multi_region_policy_document,
    )

    return multi_region_policy_document(chosen)


def _start(directory: Path, asked: str, fleet: Path) -> subprocess.Popen[bytes]:
    lab = directory / "lab"
    lab.mkdir(mode=0o700)
    state = {"STATE_DIR": str(directory / "state"), "S3_DATA_DIR": str(directory / "state")}
    facts = {"MINISTACK_ACCOUNT_ID": "210987654321", "MINISTACK_REGION": HOME, "DOCKER_HOST": "unix:///nonexistent"}
    root = {"AWS_ACCESS_KEY_ID": os.urandom(32).hex(), "AWS_SECRET_ACCESS_KEY": os.urandom(32).hex()}
    quiet = {"AUTH": "true", "LOG_LEVEL": "WARNING", "LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
    with (directory / "lab.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [str(PYTHON), "-m", "benchmarks.laboratory", str(lab), asked, str(fleet)],
            cwd=REPOSITORY,
            env={**state, **facts, **root, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _await(process: subprocess.Popen[bytes], fleet: Path, directory: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not fleet.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"The lab did not start:\n{(directory / 'lab.log').read_text(encoding='utf-8')[-3000:]}")
        time.sleep(0.02)


def _stage(directory: Path, chosen: Mapping[str, Any], fleet: list[dict[str, str]], pid: int) -> Stage:
    facts = json.loads((directory / "lab/lab.json").read_text(encoding="utf-8"))
    first = fleet[0]
    plan = {
        "home": HOME,
        "control_region": CONTROL_REGION,
        "control_model": CONTROL_MODEL,
        "default_region": "CA",
        "regions": chosen,
        "account_id": facts["account_id"],
        "role_name": facts["role_name"],
        "policy_name": POLICY,
        "policy_document": policy_document(chosen),
        "secret_id": "safesecrets/smartest-ai",
        "provider_endpoint": ENDPOINT,
        "check_url": f"{facts['provider_url']}/waves/v1/lightning-v3.1/get_voices",
        "endpoint_url": facts["endpoint_url"],
        "ca_bundle": facts["ca_bundle"],
        "plan_directory": str(directory),
        **{key: first[key] for key in ("instance_id", "imds_endpoint", "environment_path")},
    }
    plan_file, fleet_file = directory / "plan.json", directory / "hosts.json"
    plan_file.write_text(json.dumps(plan, indent=1), encoding="utf-8")
    further = {
        host["name"]: {
            "safesecrets_imds_endpoint": host["imds_endpoint"],
            "environment_path": host["environment_path"],
        }
        for host in fleet[1:]
    }
    groups = {"lab": {"children": {"safesecrets": {"hosts": further}}}}
    fleet_file.write_text(json.dumps(groups), encoding="utf-8")
    return Stage(directory, facts, plan, plan_file, fleet_file, pid)
