# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prints the checklist at the end of a run and writes the hand-over."""

from __future__ import annotations

DOCUMENTATION = r"""
name: findings
type: aggregate
author: SafeSecrets infrastructure team (@safesecrets)
version_added: 0.1.0
short_description: Prints the checklist of a run and writes its hand-over
description:
  - Follows what the module M(safesecrets.infra.record_findings) records of each host.
  - At the end, however the run ended, prints a table, grouped by the items of the chain in their order, with the
    checklist of the requirements and the remedies under it, and writes the hand-over into a folder of its own.
    C(latest) leads to the newest one; the former ones are kept.
  - The hand-over is C(report.json) in the form of docs/schemas/report.schema.json, and what is rendered from it
    alone, C(report.html), C(report.md), C(junit.xml) and C(safesecrets.env).
  - Remembers what was found on each host in C(shards). A run that C(--limit) keeps to some hosts takes what has not
    expired of the others from there, and says of each finding which run observed it.
  - Tasks of the chain that failed outside the findings and hosts that could not be reached are shown too.
  - Prints and writes nothing when a run recorded no finding and no step of the chain failed.
  - Results of tasks with C(no_log) are not read.
options: {}
extends_documentation_fragment:
  - safesecrets.infra.handover
requirements:
  - enabled in C(ansible.cfg) with C(callbacks_enabled = safesecrets.infra.findings)
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  callbacks_enabled = safesecrets.infra.findings

  [callback_findings]
  directory = handover
"""

import shutil
import sys
import uuid
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from ansible import constants as C  # noqa: N812 - ansible's own name for it
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader
from ansible_collections.safesecrets.infra.plugins.module_utils import (
    checklist,
    findings,
    handover_files,
    handover_render,
    report,
    shards,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.collection_version import collection_version

COLOURS = {
    findings.PASS: C.COLOR_OK,
    findings.FAIL: C.COLOR_ERROR,
    findings.UNPROVEN: C.COLOR_WARN,
    findings.NOT_APPLICABLE: C.COLOR_SKIP,
    findings.NOT_RUN: C.COLOR_SKIP,
}
COLLECTION = "safesecrets.infra"
RECORD = f"{COLLECTION}.record_findings"
#: It observes nothing: where it fails, there is nothing to hand over, and ``latest`` stays.
RENDERING = f"{COLLECTION}.handover"
COLUMNS_WITHOUT_TERMINAL = 100
HIDDEN = "its output is hidden (no_log)"
LONGEST_MESSAGE = 2000
CONTROLLER = "localhost"
ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "roles/handover/templates"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "safesecrets.infra.findings"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._started_at = datetime.now(timezone.utc)
        self._playbooks = []
        self._observations = {}
        self._failed = {}
        self._unreachable = {}
        self._run_id = str(uuid.uuid4())
        self._account_id = None
        self._configurations = {}
        self._stopped = False

    def v2_playbook_on_start(self, playbook):
        path = Path(playbook._file_name).resolve()
        here = Path.cwd()
        self._playbooks.append(str(path.relative_to(here)) if path.is_relative_to(here) else path.name)
        # Each task's worker is forked from this process: what is loaded here is not loaded again in every one.
        filter_loader.get(f"{COLLECTION}.preview_findings")

    def v2_runner_on_ok(self, result):
        self._keep(result)
        if result.task.action not in C._ACTION_SET_FACT:
            return
        facts = result.result.get("ansible_facts", {})
        if isinstance(facts.get("safesecrets_configuration"), dict):
            self._configurations[result.host.get_name()] = dict(facts["safesecrets_configuration"])
        account = facts.get("safesecrets_account")
        if isinstance(account, dict):
            self._account_id = account.get("account_id")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        known = self._keep(result)
        if ignore_errors:
            return
        failed = _failed_task(result)
        # What the chain stops at stands in the table already.
        if known:
            self._stopped, failed = True, None
        self._failed.setdefault(result.host.get_name(), []).append(failed)

    def v2_runner_on_unreachable(self, result):
        self._unreachable.setdefault(result.host.get_name(), []).append(_failed_task(result, unreachable=True))

    def v2_playbook_on_stats(self, stats):
        # Rescued and ignored failures are not in the counts; what ended a host came last.
        failed = [*_last(self._failed, stats.failures), *_last(self._unreachable, stats.dark)]
        if not self._observations and not any(ours for _task, ours in failed):
            return
        failed = [task for task, _ours in failed]
        observed, left_out = self._observations, self._left_out()
        built = report.build_report(
            self._run(),
            {**observed, **{shard["host"]: shard["findings"] for shard in left_out}},
            [*failed, *(report.FailedTask(**task) for shard in left_out for task in shard["failed_tasks"])],
            list(self._notes()),
        )
        self._display.display("")
        for line in checklist.render(built, _width()):
            self._display.display(line.text, color=COLOURS.get(line.status))
        self._remember(failed)
        self._write(built)

    def _keep(self, result):
        """Keep what the task recorded. Return whether findings are what it is about, and not hidden or refused."""
        given = result.result.get("invocation", {}).get("module_args") if result.task.action == RECORD else None
        if given and given["record"]:
            self._observations.setdefault(result.host.get_name(), []).extend(given["observed"])
        return bool(given)

    def _run(self):
        return report.Run(
            run_id=self._run_id,
            started_at=self._started_at,
            finished_at=datetime.now(timezone.utc),
            playbook=", ".join(self._playbooks),
            check_mode=bool(context.CLIARGS.get("check")),
            configuration=self._configurations.get(CONTROLLER, {}).get("chain"),
            account_id=self._account_id,
            collection_version=collection_version(ROOT),
        )

    def _origin(self, host):
        """Return what has to agree with an earlier run's findings; nothing agrees with a run that ended too early."""
        return {
            "account_id": self._account_id,
            "collection_version": collection_version(ROOT),
            "configuration": self._configurations.get(host),
        }

    def _left_out(self):
        """Return what earlier runs found on the hosts that --limit leaves out of this one."""
        if not context.CLIARGS.get("subset") or CONTROLLER not in self._configurations or self._account_id is None:
            return []
        here = {*self._observations, *self._failed, *self._unreachable}
        try:
            known = list(handover_files.read_shards(self._directory()))
        except OSError as error:
            self._display.warning(f"What earlier runs found on other hosts could not be read: {error}")
            return []
        return shards.left_out(known, self._origin(CONTROLLER), here, datetime.now(timezone.utc))

    def _remember(self, failed):
        """Write the shard of each host whose configuration is known; a prediction does not replace a proof."""
        if self._account_id is None or context.CLIARGS.get("check"):
            return
        directory = self._directory()
        for host in self._configurations:
            tasks = [asdict(task) for task in failed if task.host == host]
            try:
                shard = shards.updated(
                    handover_files.read_shard(directory, host),
                    host,
                    origin=self._origin(host),
                    run_id=self._run_id,
                    findings=report.newest(self._observations.get(host, [])),
                    failed_tasks=tasks,
                )
                path = directory / handover_files.SHARDS / shards.file_name(host)
                handover_files.write(path, handover_files.as_text(shard), handover_files.PRIVATE)
            except OSError as error:
                self._display.warning(f"What was found on {host} could not be kept for later runs: {error}")

    def _notes(self):
        tags, skipped, limit = (context.CLIARGS.get(name) for name in ("tags", "skip_tags", "subset"))
        narrowed = [
            *([f"--tags {','.join(tags)}"] if tags and tuple(tags) != ("all",) else []),
            *([f"--skip-tags {','.join(skipped)}"] if skipped else []),
            *([f"--limit {limit}"] if limit else []),
        ]
        everything = [each for observed in self._observations.values() for each in observed]
        if narrowed:
            yield f"Only a part was asked for: {' '.join(narrowed)}"
        if context.CLIARGS.get("check"):
            lacking = report.lacking_in_check_mode(everything)
            yield f"Proofs that --check therefore lacks: {'; '.join(lacking) or 'none of what was looked at'}."
        if self._stopped and not findings.with_status(everything, findings.FAIL):
            yield "Ended by what is unproven (safesecrets_strict)."

    def _directory(self):
        return Path(self.get_option("directory")).absolute()

    def _write(self, built):
        """Write report.json first: whatever happens to what is rendered from it, it is there."""
        directory = self._directory()
        folder = handover_files.folder_of_run(directory, built)
        try:
            handover_files.write(folder / "report.json", handover_files.as_text(built), handover_files.PRIVATE)
            handover_files.point_latest(directory, folder)
            for name, text in handover_render.rendered(built, TEMPLATES).items():
                handover_files.write(folder / name, text, handover_files.MODES[name])
        except OSError as error:
            self._display.warning(
                f"The hand-over could not be written to {folder}: {error.strerror or error}. "
                "Set SAFESECRETS_HANDOVER to a directory that can be written; the table above is complete."
            )
        except handover_render.RenderError as error:
            self._display.warning(f"{folder}/report.json is complete, but its other forms could not be made: {error}")
        else:
            self._display.display(f"Report:   {directory / handover_files.LATEST / 'report.html'}")
            self._display.display(f"          {', '.join(name for name in handover_files.MODES)} in {folder}")


def _role(result):
    role = result.task._role
    return role.get_name() if role else ""


def _failed_task(result, unreachable=False):
    """Return the failed task, and whether it belongs to the chain."""
    items = [tag for tag in result.task.tags if tag in findings.ITEMS]
    item = items[0] if len(items) == 1 else None
    if _role(result) == f"{COLLECTION}.preflight":
        item = "prerequisites"
    task = report.FailedTask(
        host=result.host.get_name(),
        task=result.task_name,
        item=item,
        message=_message(result.result),
        unreachable=unreachable,
    )
    return task, item is not None or (_role(result).startswith(f"{COLLECTION}.") and _role(result) != RENDERING)


def _message(result):
    if "censored" in result:
        return HIDDEN
    parts = [result.get("msg") or result.get("reason") or ""]
    parts += [
        each.get("msg", "") for each in result.get("results", []) if isinstance(each, dict) and each.get("failed")
    ]
    text = " ".join(checklist.printable(str(part)).strip() for part in parts if part)
    return text[:LONGEST_MESSAGE] or "it gave no message"


def _last(tasks, counts):
    """Of each host's failures keep as many of the last as ended it, without those that are findings."""
    return [
        failed
        for host, each in tasks.items()
        for failed in each[len(each) - counts.get(host, 0) :]
        if failed is not None
    ]


def _width():
    if not sys.stdout.isatty():
        return COLUMNS_WITHOUT_TERMINAL
    return min(max(shutil.get_terminal_size().columns, checklist.NARROWEST), checklist.WIDEST)
