# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a module runs within the worker, and when it gets the process that it would be without us."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible import constants as C  # noqa: N812 - ansible's own name for it
from ansible.module_utils import basic
from ansible_collections.safesecrets.infra.plugins.plugin_utils import in_worker

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = {"ansible_python_interpreter": sys.executable}


def action(
    transport: str = "local", become: object = None, delegate_to: str | None = None, **task: Any
) -> in_worker.ActionModule:
    """An action whose templates are what they are."""
    given = {"async_val": 0, "environment": [], "action": "safesecrets.infra.egress_info", **task}
    made = in_worker.ActionModule.__new__(in_worker.ActionModule)
    made._task = SimpleNamespace(**given, delegate_to=delegate_to)
    made._connection = SimpleNamespace(transport=transport, become=become)
    made._templar = SimpleNamespace(template=lambda text: text)
    return made


@pytest.mark.parametrize(
    ("made", "variables"),
    [
        (action(), HERE),
        (action(environment=[{}]), HERE),
        (action(delegate_to="localhost"), {"ansible_delegated_vars": {"localhost": HERE}}),
    ],
    ids=["controller", "empty environment", "delegated to the controller"],
)
def test_the_worker_stands_for_the_process(
    made: in_worker.ActionModule, variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert made._needs_process(variables) == ""


@pytest.mark.parametrize(
    ("made", "variables", "reason"),
    [
        (action(transport="ssh"), HERE, "the host is not the controller"),
        (action(become=object()), HERE, "it becomes another user"),
        (action(async_val=60), HERE, "it is asynchronous"),
        (action(environment=[{}, {"AWS_PROFILE": "x"}]), HERE, "the task sets environment variables"),
        (action(), {}, f"its interpreter is not {sys.executable}"),
        (action(), {"ansible_python_interpreter": "/opt/python"}, f"its interpreter is not {sys.executable}"),
        (action(delegate_to="localhost"), HERE, f"its interpreter is not {sys.executable}"),
        (
            action(delegate_to="localhost"),
            {**HERE, "ansible_delegated_vars": {"localhost": {"ansible_python_interpreter": "auto"}}},
            f"its interpreter is not {sys.executable}",
        ),
    ],
)
def test_what_differs_gets_its_process(
    made: in_worker.ActionModule, variables: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert made._needs_process(variables) == reason


def test_macos_gets_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "macOS" in action()._needs_process(HERE)


def test_who_wants_to_see_the_files_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(C, "DEFAULT_KEEP_REMOTE_FILES", True)
    assert "kept" in action()._needs_process(HERE)


def test_another_ansible_gets_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(basic, "_ANSIBLE_ARGS")
    assert "arguments" in action()._needs_process(HERE)


def test_the_process_is_what_runs_then() -> None:
    with mock.patch.object(in_worker.ModuleAsProcess, "run", return_value={"from": "the process"}):
        assert action(transport="ssh").run(task_vars=HERE) == {"from": "the process"}


def test_every_aws_module_of_the_collection_is_spared_its_process() -> None:
    """And no other: what runs on a host can gain nothing."""
    groups = yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text())["action_groups"]
    own = {each for each in groups["aws"] if isinstance(each, str) and "." not in each}
    spared = {path.stem for path in (REPOSITORY / "plugins/action").glob("*.py") if "in_worker" in path.read_text()}
    assert own
    assert spared == own
