# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prints the checklist at the end of a run and writes the report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: findings
type: aggregate
author: SafeSecrets infrastructure team (@safesecrets)
version_added: 0.1.0
short_description: Prints the checklist of a run and writes its report
description:
  - Follows what the role P(safesecrets.infra.findings#role) records in the fact C(safesecrets_findings) of each host.
  - At the end prints a table, grouped by the items of the chain in their order, with the remedies under it, and writes
    the report in the form of docs/schemas/report.schema.json.
  - Tasks of the chain that failed outside the findings and hosts that could not be reached are shown too.
  - Prints and writes nothing when a run recorded no finding and no step of the chain failed.
  - Results of tasks with C(no_log) are not read.
options:
  report_path:
    description:
      - The file that the report is written to, with mode C(0600). Its directory is created.
      - A relative path starts at the working directory, or at C(ansible.cfg) when it is set there.
    type: path
    default: handover/report.json
    env:
      - name: SAFESECRETS_REPORT
    ini:
      - section: callback_findings
        key: report_path
requirements:
  - enabled in C(ansible.cfg) with C(callbacks_enabled = safesecrets.infra.findings)
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  callbacks_enabled = safesecrets.infra.findings

  [callback_findings]
  report_path = handover/report.json
"""

import json
import os
import shutil
import sys
import tempfile
import uuid
from datetime import datetime, timezone
from pathlib import Path

import yaml
from ansible import constants as C  # noqa: N812 - ansible's own name for it
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible_collections.safesecrets.infra.plugins.module_utils import checklist, findings, report

COLOURS = {
    findings.PASS: C.COLOR_OK,
    findings.FAIL: C.COLOR_ERROR,
    findings.UNPROVEN: C.COLOR_WARN,
    findings.NOT_APPLICABLE: C.COLOR_SKIP,
    report.NOT_RUN: C.COLOR_SKIP,
}
ACTION_FAIL = ("ansible.builtin.fail", "ansible.legacy.fail", "fail")
COLLECTION = "safesecrets.infra"
COLUMNS_WITHOUT_TERMINAL = 100
HIDDEN = "its output is hidden (no_log)"
LONGEST_MESSAGE = 2000


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
        self._account_id = None
        self._stopped = False

    def v2_playbook_on_start(self, playbook):
        path = Path(playbook._file_name).resolve()
        here = Path.cwd()
        self._playbooks.append(str(path.relative_to(here)) if path.is_relative_to(here) else path.name)

    def v2_runner_on_ok(self, result):
        if result.task.action not in C._ACTION_SET_FACT:
            return
        facts = result.result.get("ansible_facts", {})
        if "safesecrets_findings" in facts:
            self._observe(result.host.get_name(), facts["safesecrets_findings"])
        account = facts.get("safesecrets_account")
        if isinstance(account, dict):
            self._account_id = account.get("account_id")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if ignore_errors:
            return
        failed = _failed_task(result)
        # What the role findings stops at stands in the table already.
        if _role(result) == f"{COLLECTION}.findings" and result.task.action in ACTION_FAIL:
            self._stopped, failed = True, None
        self._failed.setdefault(result.host.get_name(), []).append(failed)

    def v2_runner_on_unreachable(self, result):
        self._unreachable.setdefault(result.host.get_name(), []).append(_failed_task(result, unreachable=True))

    def v2_playbook_on_stats(self, stats):
        # Rescued and ignored failures are not in the counts; what ended a host came last.
        failed = [*_last(self._failed, stats.failures), *_last(self._unreachable, stats.dark)]
        if not self._observations and not any(ours for _task, ours in failed):
            return
        built = report.build_report(self._run(), self._observations, [task for task, _ours in failed])
        self._display.display("")
        for line in checklist.render(built, _width(), self._notes(built)):
            self._display.display(line.text, color=COLOURS.get(line.status))
        self._write(built)

    def _observe(self, host, observed):
        try:
            self._observations[host] = self._observations.get(host, []) + findings.checked(observed)
        except ValueError as error:
            self._display.warning(f"The findings of {host} are not in their form and are left out: {error}")

    def _run(self):
        return report.Run(
            run_id=str(uuid.uuid4()),
            started_at=self._started_at,
            finished_at=datetime.now(timezone.utc),
            playbook=", ".join(self._playbooks),
            check_mode=bool(context.CLIARGS.get("check")),
            account_id=self._account_id,
            collection_version=_collection_version(),
        )

    def _notes(self, built):
        tags, skipped, limit = (context.CLIARGS.get(name) for name in ("tags", "skip_tags", "subset"))
        narrowed = [
            *([f"--tags {','.join(tags)}"] if tags and tuple(tags) != ("all",) else []),
            *([f"--skip-tags {','.join(skipped)}"] if skipped else []),
            *([f"--limit {limit}"] if limit else []),
        ]
        if narrowed:
            yield f"Only a part was asked for: {' '.join(narrowed)}"
        if self._stopped and not findings.with_status(built["findings"], findings.FAIL):
            yield "Ended by what is unproven (safesecrets_strict)."

    def _write(self, built):
        path = Path(self.get_option("report_path"))
        try:
            _write_privately(path, json.dumps(built, indent=2, default=str) + "\n")
        except OSError as error:
            self._display.warning(
                f"The report could not be written to {path}: {error.strerror or error}. "
                "Set SAFESECRETS_REPORT to a path that can be written; the table above is complete."
            )
        else:
            self._display.display(f"Report:   {path.absolute()}")


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
    return task, item is not None or _role(result).startswith(f"{COLLECTION}.")


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


def _collection_version():
    """Return the version from the artifact's manifest, or from galaxy.yml in a checkout."""
    root = Path(__file__).parents[2]
    try:
        if (root / "MANIFEST.json").exists():
            return json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
        return yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, yaml.YAMLError):
        return "unknown"


def _write_privately(path, text):
    """Write atomically with mode 0600: a reader sees the former report or this one, nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
