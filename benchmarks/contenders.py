"""Who is measured: the product, and what one would do without it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import calls, measure
from benchmarks.stage import PYTHON, REPOSITORY, Stage

CHANGED = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+)", re.MULTILINE)
INVENTORY = ("--inventory", "inventory/lab")
Command = tuple[list[str], dict[str, str]]


@dataclass(frozen=True)
class Contender:
    """How it is started, and what it ends with when all is well."""

    name: str
    command: Callable[[Stage], Command]
    verdict: re.Pattern[str]
    #: The work is to be done with no more calls than needed.
    is_playbook: bool = False


@dataclass(frozen=True)
class Result:
    """One run of a contender that did all the work."""

    measure: measure.Measure
    calls: int
    calls_without_trail: int


class NoContenderError(Exception):
    """One that failed, or left something out."""


def product(stage: Stage) -> Command:
    """site.yml, as `make demo` runs it."""
    command = [str(PYTHON.with_name("ansible-playbook")), *INVENTORY, "--inventory", str(stage.fleet_file)]
    command.append("playbooks/site.yml")
    if len(stage.plan["regions"]) > 2:  # noqa: PLR2004  (the inventory has two)
        command += ["--extra-vars", json.dumps({"safesecrets_regions": stage.plan["regions"]})]
    return command, _ansible(stage, "safesecrets.infra.findings")


def stock(stage: Stage) -> Command:
    """A playbook of amazon.aws modules and of commands."""
    command = [str(PYTHON.with_name("ansible-playbook")), *INVENTORY, "benchmarks/stock.yml"]
    command += ["--extra-vars", f"@{stage.plan_file}"]
    return command, {**_ansible(stage), **stage.operator(), "PYTHONPATH": _python_path()}


def runbook(stage: Stage) -> Command:
    """A shell script of AWS CLI calls."""
    policy = stage.directory / "policy.json"
    policy.write_text(json.dumps(stage.plan["policy_document"]), encoding="utf-8")
    names = {
        "ACCOUNT_ID": "account_id",
        "ROLE_NAME": "role_name",
        "INSTANCE_ID": "instance_id",
        "ENVIRONMENT_FILE": "environment_path",
        "CHECK_URL": "check_url",
        "IMDS_ENDPOINT": "imds_endpoint",
    }
    given = {name: stage.plan[key] for name, key in names.items()} | {"POLICY_FILE": str(policy)}
    tools = {"PLAN": str(stage.plan_file), "PYTHON": str(PYTHON), "PYTHONPATH": _python_path()}
    return ["bash", "benchmarks/runbook.sh"], stage.environment(**stage.operator(), **given, **tools)


def floor(stage: Stage) -> Command:
    """One Python process with boto3."""
    command = [str(PYTHON), "-m", "benchmarks.floor", str(stage.plan_file)]
    return command, stage.environment(**stage.operator(), PYTHONPATH=_python_path())


def _ansible(stage: Stage, *callbacks: str) -> dict[str, str]:
    return stage.environment(
        ANSIBLE_CONFIG=str(REPOSITORY / "ansible.cfg"),
        ANSIBLE_FORCE_COLOR="0",
        ANSIBLE_CALLBACK_PLUGINS=str(REPOSITORY / "benchmarks/callback_plugins"),
        ANSIBLE_CALLBACKS_ENABLED=",".join([*callbacks, "module_executions"]),
        COLUMNS="120",
        AWS_TOOLS=str(Path(sys.executable).parent),
    )


def _python_path() -> str:
    return str(REPOSITORY / "collections")


CONTENDERS = {
    "site.yml": Contender("site.yml", product, re.compile(r"^Result: +PASS$", re.MULTILINE), is_playbook=True),
    "runbook": Contender("runbook", runbook, re.compile(r"^PASS$", re.MULTILINE)),
    "stock": Contender("stock", stock, re.compile(r"failed=0"), is_playbook=True),
    "floor": Contender("floor", floor, re.compile(r"^PASS$", re.MULTILINE)),
}


def compete(contender: Contender, stage: Stage, *, converging: bool, hosts: int = 1) -> Result:
    """Run a contender, and make sure that it did everything that the others do."""
    command, environment = contender.command(stage)
    before = len(stage.log())
    measured = measure.run(command, environment, REPOSITORY)
    made = calls.read(stage.log()[before:])
    faults = []
    if measured.returncode != 0 or not contender.verdict.search(measured.output):
        faults.append(f"it ended with {measured.returncode}:\n{measured.output[-4000:]}")
    changed = sum(int(number) for number in CHANGED.findall(measured.output))
    if contender.is_playbook and bool(changed) is not converging:
        faults.append(f"it changed {changed}:\n{measured.output[-4000:]}")
    faults += calls.missing(made, calls.needed(stage.plan, converging=converging, hosts=hosts))
    if faults:
        raise NoContenderError(f"{contender.name} is no contender: " + "\n".join(faults))
    return Result(measured, sum(made.values()), calls.without_trail(made.items()))
