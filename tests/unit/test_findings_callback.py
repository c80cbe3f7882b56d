# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback and the role ``findings`` in real, tiny runs: what is printed, what is written, how the run ends."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.safesecrets.infra.plugins.callback import findings as callback
from ansible_collections.safesecrets.infra.plugins.module_utils import handover_files
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import finding

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/schemas/report.schema.json").read_text(encoding="utf-8"))
SHARD = jsonschema.Draft202012Validator({"$ref": "#/$defs/shard", "$defs": SCHEMA["$defs"]})
INVENTORY = {
    "all": {
        "hosts": {
            "localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        },
        "children": {
            "safesecrets": {"hosts": {name: {"ansible_connection": "local"} for name in ("app-1", "app-2", "app-3")}},
            "gone": {"hosts": {"app-gone": {"ansible_host": "127.0.0.1", "ansible_port": 1}}},
        },
    }
}


@dataclass(frozen=True)
class Played:
    """A finished run."""

    returncode: int
    output: str
    report_path: Path

    @property
    def report(self) -> dict[str, Any]:
        """The report, which has to follow its schema."""
        report: dict[str, Any] = json.loads(self.report_path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(report)
        return report

    @property
    def directory(self) -> Path:
        return self.report_path.parent.parent

    @property
    def checklist(self) -> str:
        """What was printed after the recap."""
        return self.output.partition("PLAY RECAP")[2].partition("-" * 100)[2]

    def verdicts(self) -> dict[str, str]:
        return {each["item"]: each["verdict"] for each in self.report["items"] if each["verdict"] != "not_run"}


Playing = Callable[..., Played]


@pytest.fixture
def play(tmp_path: Path) -> Playing:
    """Run plays in an own directory with this checkout's configuration."""
    (tmp_path / "inventory.json").write_text(json.dumps(INVENTORY), encoding="utf-8")

    def run(plays: list[dict[str, Any]], *arguments: str, **environment: str | None) -> Played:
        (tmp_path / "site.yml").write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
        given: dict[str, str | None] = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_SSH_RETRIES": "0",
            "ANSIBLE_NOCOLOR": "1",
            "SAFESECRETS_HANDOVER": str(tmp_path / "deep/handover"),
            **environment,
        }
        finished = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.json", "site.yml", *arguments],
            cwd=tmp_path,
            env=os.environ | {name: value for name, value in given.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert "Callback dispatch" not in finished.stdout, finished.stdout
        assert "Traceback" not in finished.stdout, finished.stdout
        return Played(
            finished.returncode,
            finished.stdout,
            Path(given["SAFESECRETS_HANDOVER"] or os.devnull) / "latest/report.json",
        )

    return run


def a_play(*tasks: dict[str, Any], hosts: str = "localhost", item: str = "INFRA-P2-3", **more: Any) -> dict[str, Any]:
    """Return a play of an item."""
    return {"name": item, "hosts": hosts, "gather_facts": False, "tags": [item], "tasks": list(tasks), **more}


def record(*statuses: str, item: str = "INFRA-P2-3", subject: str = "Ruth", detail: str = "Seen.") -> dict[str, Any]:
    """Return the task that every role ends with."""
    observed = [
        finding("check.name", item, f"{subject}-{index}", status, detail, remedy="Mend it.")
        for index, status in enumerate(statuses)
    ]
    return {
        "name": "Record the findings",
        "safesecrets.infra.record_findings": {"observed": observed},
    }


def fail(message: str, **more: Any) -> dict[str, Any]:
    return {"name": "Do the work", "ansible.builtin.fail": {"msg": message}, **more}


def test_a_run_that_passes_on_several_hosts_in_turn(play: Playing) -> None:
    account = {
        "name": "Know the account",
        "ansible.builtin.set_fact": {"safesecrets_account": {"account_id": "123456789012"}},
    }
    run = play(
        [
            a_play(account, record("pass"), record("not_applicable", subject="Joanna")),
            a_play(record("pass", item="INFRA-P2-5"), hosts="safesecrets", item="INFRA-P2-5", serial=1),
        ]
    )
    assert run.returncode == 0, run.output
    assert run.verdicts() == {"INFRA-P2-3": "pass", "INFRA-P2-5": "pass"}
    assert [each["hosts"] for each in run.report["findings"]] == [
        ["localhost"],
        ["localhost"],
        ["app-1", "app-2", "app-3"],
    ]
    facts = {name: run.report[name] for name in ("playbook", "check_mode", "account_id", "collection_version")}
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert facts == {
        "playbook": "site.yml",
        "check_mode": False,
        "account_id": "123456789012",
        "collection_version": version,
    }
    assert stat.S_IMODE(run.report_path.stat().st_mode) == 0o600
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in run.report_path.parent.iterdir()}
    assert modes == handover_files.MODES, "every form is there with its mode, and nothing temporary"
    assert {each.name for each in run.directory.iterdir()} == {"latest", "runs"}
    assert "Result:   PASS, 6 of 8 items not run" in run.checklist
    assert f"Report:   {run.directory}/latest/report.html" in run.checklist


def test_a_failure_is_recorded_first_and_what_it_prevents_is_not_run(play: Playing) -> None:
    run = play(
        [a_play(record("pass", "fail", "unproven")), a_play(record("pass", item="INFRA-P2-5"), item="INFRA-P2-5")]
    )
    assert run.returncode != 0
    assert run.verdicts() == {"INFRA-P2-3": "fail"}
    assert [each["status"] for each in run.report["findings"]] == ["pass", "fail", "unproven"]
    assert run.report["failed_tasks"] == [], "what the role findings stops at is in the table"
    assert "INFRA-P2-3 Ruth-1: Seen. Remedy: Mend it." in run.output
    assert "NOT RUN   INFRA-P2-5: Environment configuration" in run.checklist
    assert "Result:   FAIL" in run.checklist


def test_what_is_unproven_ends_a_strict_run_only(play: Playing) -> None:
    plays = [a_play(record("unproven"), record("pass", subject="Joanna"))]
    assert play(plays).returncode == 0
    strict = play(plays, "--extra-vars", "safesecrets_strict=true")
    assert strict.returncode != 0
    assert "Ended by what is unproven (safesecrets_strict)." in strict.checklist
    assert "Result:   UNPROVEN" in strict.checklist
    assert play(plays, "--extra-vars", "safesecrets_strict=true", "--check").returncode == 0


def test_check_mode_is_said_in_heading_and_report(play: Playing) -> None:
    run = play([a_play(record("unproven"))], "--check")
    assert run.report["check_mode"] is True
    assert "CHECK MODE (--check): nothing was changed." in run.checklist


def test_only_the_tags_asked_for(play: Playing) -> None:
    plays = [a_play(record("pass")), a_play(record("pass", item="INFRA-P2-5"), item="INFRA-P2-5")]
    run = play(plays, "--tags", "INFRA-P2-5", "--limit", "localhost")
    assert run.verdicts() == {"INFRA-P2-5": "pass"}
    assert "Only a part was asked for: --tags INFRA-P2-5 --limit localhost" in run.checklist
    assert "NOT RUN   INFRA-P2-3: Polly voices" in run.checklist


def test_a_host_that_cannot_be_reached_fails_its_item(play: Playing) -> None:
    reach = {"name": "Reach the host", "ansible.builtin.raw": "true"}
    run = play(
        [a_play(record("pass")), a_play(reach, hosts="gone", item="INFRA-P2-5", remote_user="nobody")],
    )
    assert run.returncode != 0
    assert run.verdicts() == {"INFRA-P2-3": "pass", "INFRA-P2-5": "fail"}
    (task,) = run.report["failed_tasks"]
    assert (task["host"], task["task"], task["unreachable"]) == ("app-gone", "Reach the host", True)
    assert "UNREACHABLE INFRA-P2-5 on app-gone: Reach the host" in run.checklist
    assert "Result:   FAIL" in run.checklist


def test_a_task_that_fails_before_any_finding_is_not_green(play: Playing) -> None:
    run = play([a_play(record("pass")), a_play(fail("No space left"), hosts="app-1", item="INFRA-P2-5")])
    assert run.verdicts() == {"INFRA-P2-3": "pass", "INFRA-P2-5": "fail"}
    assert "Said:   No space left" in run.checklist


def test_a_chain_that_fails_at_its_first_task_still_writes_a_report(play: Playing) -> None:
    run = play([a_play(fail("No credentials"), item="INFRA-P2-2")])
    assert run.verdicts() == {"INFRA-P2-2": "fail"}
    assert run.report["account_id"] is None


def test_failures_that_were_rescued_or_ignored_are_no_failures(play: Playing) -> None:
    rescued = {"name": "Try", "block": [fail("rescued")], "rescue": [{"ansible.builtin.meta": "noop"}]}
    run = play([a_play(rescued, fail("ignored", ignore_errors=True), record("pass"))])
    assert run.returncode == 0, run.output
    assert run.report["failed_tasks"] == []
    assert run.verdicts() == {"INFRA-P2-3": "pass"}


def test_of_a_rescued_and_a_final_failure_the_final_one_is_shown(play: Playing) -> None:
    rescued = {"name": "Try", "block": [fail("rescued")], "rescue": [{"ansible.builtin.meta": "noop"}]}
    run = play([a_play(record("pass"), rescued, fail("final"))])
    assert [each["message"] for each in run.report["failed_tasks"]] == ["final"]


def test_what_no_log_hides_is_read_by_nobody(play: Playing) -> None:
    run = play(
        [
            a_play(
                record("pass"),
                {**record("pass", subject="canary"), "no_log": True},
                fail("canary in a message", no_log=True),
            )
        ]
    )
    assert [each["subject"] for each in run.report["findings"]] == ["Ruth-0"]
    assert [each["message"] for each in run.report["failed_tasks"]] == [callback.HIDDEN]
    # The default output does show the message of a failed task with no_log (ansible-core 2.19): it is not ours.
    assert "canary" not in run.checklist
    assert "canary" not in run.report_path.read_text(encoding="utf-8")


def test_what_only_says_that_it_is_findings_is_not_read(play: Playing) -> None:
    run = play([a_play(record("pass"), {"ansible.builtin.set_fact": {"safesecrets_findings": [{"id": "odd"}]}})])
    assert [each["subject"] for each in run.report["findings"]] == ["Ruth-0"]


def verdict(**options: Any) -> dict[str, Any]:
    """Return the task that a playbook which only looks ends with."""
    earlier = "{{ ansible_facts | safesecrets.infra.recorded_findings }}"
    return {
        "name": "Stop",
        "safesecrets.infra.record_findings": {"observed": earlier, "record": False, "stop": True, **options},
    }


@pytest.mark.parametrize(
    ("statuses", "variables", "options", "ended"),
    [
        (["fail"], {}, {}, True),
        (["pass"], {}, {}, False),
        (["unproven"], {}, {}, False),
        (["unproven"], {"safesecrets_strict": True}, {}, True),
        (["unproven"], {"safesecrets_strict": True, "findings_strict": False}, {}, False),
        (["unproven"], {"safesecrets_strict": "{{ 1 == 1 }}", "findings_strict": False}, {"strict": True}, True),
        (["unproven"], {"safesecrets_strict": True}, {"strict": False}, False),
    ],
)
def test_a_playbook_that_looks_at_everything_first_stops_at_its_end(
    play: Playing, statuses: list[str], variables: dict[str, Any], options: dict[str, Any], ended: bool
) -> None:
    looking = a_play(record(*statuses), record("pass", subject="Joanna"), vars={"findings_stop": False, **variables})
    run = play([looking, a_play(verdict(**options), vars=variables)])
    assert (run.returncode != 0) == ended, run.output
    assert [each["subject"] for each in run.report["findings"]] == ["Ruth-0", "Joanna-0"], "each is recorded once"
    assert run.report["failed_tasks"] == []


@pytest.mark.parametrize("injected", ["True", "False"], ids=["facts are variables", "facts are no variables"])
def test_what_an_earlier_run_left_in_a_fact_cache_is_not_heard(play: Playing, tmp_path: Path, injected: str) -> None:
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache"),
        "ANSIBLE_INJECT_FACT_VARS": injected,
    }
    looking = {"vars": {"findings_stop": False}}
    failed = play([a_play(record("fail"), **looking), a_play(verdict())], **cache)
    assert failed.returncode != 0, "the verdict hears what this run recorded"
    assert any("Ruth-0" in kept.read_text(encoding="utf-8") for kept in (tmp_path / "cache").iterdir())
    passed = play([a_play(verdict()), a_play(record("pass", subject="Joanna"), verdict())], **cache)
    assert passed.returncode == 0, passed.output
    assert [each["subject"] for each in passed.report["findings"]] == ["Joanna-0"]


def test_a_failed_step_prints_what_is_wrong_and_not_all_that_it_saw(play: Playing) -> None:
    run = play([a_play(record("pass", subject="Joanna"), record("fail", "pass"))])
    before = run.output.partition("PLAY RECAP")[0]
    assert "Ruth-0: Seen. Remedy: Mend it." in before
    assert "Ruth-1" not in before
    assert "Joanna" not in before
    assert [each["subject"] for each in run.report["findings"]] == ["Joanna-0", "Ruth-0", "Ruth-1"]


def test_other_playbooks_are_left_alone(play: Playing) -> None:
    run = play([a_play({"ansible.builtin.debug": {"msg": "hello"}}), a_play(fail("theirs"), item="other")])
    assert run.returncode != 0
    assert not run.report_path.exists()
    assert run.checklist == ""


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        ([], "at least one finding is wanted"),
        ([{"id": "check.name"}], "finding 0: missing: item, subject"),
        ("[{'id': 1}]", "findings"),
    ],
)
def test_findings_out_of_form_end_the_run_and_say_how(play: Playing, observed: Any, message: str) -> None:
    task = {"name": "Record the findings", "safesecrets.infra.record_findings": {"observed": observed}}
    run = play([a_play(record("pass", subject="Joanna"), task)])
    assert run.returncode != 0
    assert message in run.output
    assert run.verdicts() == {"INFRA-P2-3": "fail"}


def test_a_report_that_cannot_be_written_is_a_warning(play: Playing, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a directory", encoding="utf-8")
    run = play([a_play(record("pass"))], SAFESECRETS_HANDOVER=str(tmp_path / "occupied/handover"))
    assert run.returncode == 0
    warning = " ".join(run.output.split())
    assert f"The hand-over could not be written to {tmp_path}/occupied/handover/runs/" in warning
    assert "Set SAFESECRETS_HANDOVER to a directory that can be written" in warning
    assert "Result:   PASS" in run.checklist
    assert "Report:" not in run.checklist


def test_former_reports_are_kept_and_latest_leads_to_the_newest(play: Playing) -> None:
    first = play([a_play(record("fail"))])
    failed = first.report["run_id"]
    second = play([a_play(record("pass"))])
    assert second.report["run_id"] != failed
    kept = {json.loads(each.read_text())["run_id"] for each in second.directory.glob("runs/*/report.json")}
    assert kept == {failed, second.report["run_id"]}
    assert (second.directory / "latest").readlink().parts[0] == "runs", "the link holds where the directory is moved"


def test_a_run_that_fails_leaves_the_report_in_all_forms(play: Playing) -> None:
    run = play([a_play(record("fail"))])
    assert run.returncode != 0
    assert {each.name for each in run.report_path.parent.iterdir()} == set(handover_files.MODES)
    assert "Mend it." in (run.report_path.parent / "junit.xml").read_text(encoding="utf-8")


KNOWN: dict[str, Any] = {
    "name": "Know account and configuration",
    "ansible.builtin.set_fact": {
        "safesecrets_account": {"account_id": "123456789012"},
        "safesecrets_configuration": {"chain": "00112233445566ff", "host": "8899aabbccddeeff"},
    },
}


def two_hosts(status: str = "pass") -> list[dict[str, Any]]:
    """Return plays that observe the controller, and each host of the group by its name."""
    observed = record(status, item="INFRA-P2-5", subject="{{ inventory_hostname }}")
    return [
        a_play(KNOWN, record("pass")),
        a_play(KNOWN, observed, hosts="app-1,app-2", item="INFRA-P2-5"),
    ]


def test_runs_limited_to_a_host_each_are_merged(play: Playing) -> None:
    first = play(two_hosts("fail"), "--limit", "localhost,app-1").report["run_id"]
    second = play(two_hosts(), "--limit", "localhost,app-2")
    assert second.returncode == 0
    observed = {each["subject"]: each for each in second.report["findings"] if each["item"] == "INFRA-P2-5"}
    assert {name: (each["status"], each["hosts"]) for name, each in observed.items()} == {
        "app-1-0": ("fail", ["app-1"]),
        "app-2-0": ("pass", ["app-2"]),
    }
    assert observed["app-1-0"]["run_id"] == first
    assert second.verdicts()["INFRA-P2-5"] == "fail", "a success here hides no failure there"
    for path in (second.directory / "shards").iterdir():
        SHARD.validate(json.loads(path.read_text(encoding="utf-8")))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    everything = play(two_hosts())
    assert everything.verdicts()["INFRA-P2-5"] == "pass", "the full run renews both"


def test_hosts_of_another_account_are_not_merged(play: Playing) -> None:
    play(two_hosts("fail"), "--limit", "localhost,app-1")
    known = {**KNOWN, "ansible.builtin.set_fact": {**KNOWN["ansible.builtin.set_fact"]}}
    known["ansible.builtin.set_fact"]["safesecrets_account"] = {"account_id": "999999999999"}
    other = [a_play(known, record("pass")), a_play(record("pass", item="INFRA-P2-5"), hosts="app-2", item="INFRA-P2-5")]
    run = play(other, "--limit", "localhost,app-2")
    assert "app-1" not in json.dumps(run.report["findings"])


def test_check_mode_does_not_replace_what_was_proven(play: Playing) -> None:
    shard = play(two_hosts()).directory / "shards/app-1.json"
    before = shard.read_text(encoding="utf-8")
    predicted = play(two_hosts("unproven"), "--check")
    assert shard.read_text(encoding="utf-8") == before
    assert "Proofs that --check therefore lacks:" in predicted.checklist


def test_templates_that_do_not_fit_leave_the_report_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html.j2").write_text("{{ nothing.of_this }}", encoding="utf-8")
    monkeypatch.setattr(callback, "TEMPLATES", tmp_path)
    plugin = callback.CallbackModule()
    monkeypatch.setattr(plugin, "get_option", lambda _name: str(tmp_path / "handover"))
    plugin._observations = {"localhost": [finding("check.name", "INFRA-P2-3", "Ruth", "pass", "Seen.")]}
    plugin._write(callback.report.build_report(plugin._run(), plugin._observations))
    assert "its other forms could not be made: UndefinedError" in " ".join(capsys.readouterr().err.split())
    assert [each.name for each in (tmp_path / "handover/latest").iterdir()] == ["report.json"]


def test_the_directory_comes_from_ansible_cfg(play: Playing, tmp_path: Path) -> None:
    configuration = (ROOT / "ansible.cfg").read_text(encoding="utf-8")
    configured = tmp_path / "configured/ansible.cfg"
    configured.parent.mkdir()
    configured.write_text(
        configuration.replace("collections_path = collections", f"collections_path = {ROOT}/collections")
        + "\n[callback_findings]\ndirectory = ours\n",
        encoding="utf-8",
    )
    run = play([a_play(record("pass"))], ANSIBLE_CONFIG=str(configured), SAFESECRETS_HANDOVER=None)
    assert run.returncode == 0, run.output
    assert (tmp_path / "configured/ours/latest/report.json").exists(), run.output


def test_the_directory_is_handover_in_the_working_directory_otherwise(play: Playing, tmp_path: Path) -> None:
    run = play([a_play(record("pass"))], SAFESECRETS_HANDOVER=None)
    assert f"Report:   {tmp_path}/handover/latest/report.html" in run.checklist
    assert (tmp_path / "handover/latest/report.json").exists()


def result(role: str = "", tags: tuple[str, ...] = (), **said: Any) -> SimpleNamespace:
    """Return what a callback sees of a task."""
    task = SimpleNamespace(tags=list(tags), _role=SimpleNamespace(get_name=lambda: role) if role else None)
    return SimpleNamespace(task=task, task_name="Task", host=SimpleNamespace(get_name=lambda: "app"), result=said)


@pytest.mark.parametrize(
    ("role", "tags", "item", "of_the_chain"),
    [
        ("", ("INFRA-P2-5",), "INFRA-P2-5", True),
        ("safesecrets.infra.environment", ("INFRA-P2-5", "other"), "INFRA-P2-5", True),
        ("safesecrets.infra.preflight", ("INFRA-P2-5",), "prerequisites", True),
        ("safesecrets.infra.preflight", ("always",), "prerequisites", True),
        ("safesecrets.infra.environment", (), None, True),
        ("", ("INFRA-P2-5", "INFRA-P2-6"), None, False),
        ("", ("other",), None, False),
        ("theirs", (), None, False),
    ],
)
def test_the_item_of_a_failed_task(role: str, tags: tuple[str, ...], item: str | None, of_the_chain: bool) -> None:
    task, ours = callback._failed_task(result(role, tags, msg="Said."))
    assert (task.item, ours) == (item, of_the_chain)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"msg": "One\nline"}, "One line"),
        ({"reason": "No such file"}, "No such file"),
        ({}, "it gave no message"),
        ({"censored": "hidden", "msg": "secret"}, callback.HIDDEN),
        (
            {"msg": "One or more items failed", "results": [{"msg": "fine"}, {"msg": "broken", "failed": True}, "odd"]},
            "One or more items failed broken",
        ),
        ({"msg": "x" * 5000}, "x" * callback.LONGEST_MESSAGE),
    ],
)
def test_what_a_failed_task_said(said: dict[str, Any], message: str) -> None:
    assert callback._message(said) == message


@pytest.mark.parametrize(("terminal", "width"), [(60, 80), (97, 97), (300, 120)])
def test_the_width_is_the_terminal_s_within_limits(monkeypatch: pytest.MonkeyPatch, terminal: int, width: int) -> None:
    monkeypatch.setattr(callback.sys, "stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(callback.shutil, "get_terminal_size", lambda: os.terminal_size((terminal, 24)))
    assert callback._width() == width
    monkeypatch.setattr(callback.sys, "stdout", SimpleNamespace(isatty=lambda: False))
    assert callback._width() == callback.COLUMNS_WITHOUT_TERMINAL
