# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a module of this collection within Ansible's worker process where the worker could have been its host.

A module on the controller is a Python of its own, which first gets an archive of the module's files, made for it,
and then imports boto3: two thirds of a second of computing around a few calls. The worker that would start it is
forked from a process that has boto3, and ends with the task, so what the module leaves behind there ends with it.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress

from ansible import constants as C  # noqa: N812 - ansible's own name for it
from ansible.module_utils import basic
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.plugins.action import ActionBase
from ansible.plugins.action.normal import ActionModule as ModuleAsProcess
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

MODULES = "ansible_collections.safesecrets.infra.plugins.modules"
#: How Ansible's own loader writes and reads the JSON of a module that does not say otherwise.
PROFILE = "legacy"

#: What every worker is forked with. Where it is missing, the module says so.
BEFORE_THE_FORK = ("boto3", "ansible_collections.amazon.aws.plugins.module_utils.modules")

display = Display()

for name in BEFORE_THE_FORK:
    with suppress(ImportError):
        importlib.import_module(name)


class ActionModule(ModuleAsProcess):
    """Runs the module that has this action's name; on another host, or where its process would differ, as a process."""

    def run(self, tmp=None, task_vars=None):
        reason = self._needs_process(task_vars or {})
        if reason:
            display.vvv(f"{self._task.action} runs as a process: {reason}")
            return super().run(tmp, task_vars)
        display.vvv(f"{self._task.action} runs within the worker")
        return merge_hash(ActionBase.run(self, tmp, task_vars), self._run_here(task_vars))

    def _needs_process(self, task_vars):
        """Return why the worker cannot stand for the process, or nothing where it can."""
        reasons = {
            "the host is not the controller": self._connection.transport != "local",
            "it becomes another user": self._connection.become is not None,
            "it is asynchronous": bool(self._task.async_val),
            "the task sets environment variables": any(self._task.environment or []),
            "files of modules are to be kept": C.DEFAULT_KEEP_REMOTE_FILES,
            # Looking for a proxy after a fork ends the process there: bugs.python.org/issue33725.
            "macOS looks up proxies": sys.platform == "darwin",
            "Ansible hands over arguments differently": not hasattr(basic, "_ANSIBLE_ARGS"),
        }
        found = [reason for reason, holds in reasons.items() if holds]
        if not found and self._interpreter(task_vars) != sys.executable:
            found = [f"its interpreter is not {sys.executable}"]
        return ", ".join(found)

    def _interpreter(self, task_vars):
        """Return the Python that the module's process would have; where it has to be discovered, how."""
        delegate = self._task.delegate_to
        variables = task_vars.get("ansible_delegated_vars", {}).get(delegate, {}) if delegate else task_vars
        return self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=variables))

    def _run_here(self, task_vars):
        """Return what the module answers, written and read as between it and its process."""
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, task_vars)
        encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}, cls=encoder).encode()
        basic._ANSIBLE_PROFILE = PROFILE
        module = importlib.import_module(f"{MODULES}.{self._task.action.rpartition('.')[2]}")
        written, complained = io.StringIO(), io.StringIO()
        with suppress(SystemExit), redirect_stdout(written), redirect_stderr(complained):
            module.main()
        answer = self._parse_returned_data(
            {"stdout": written.getvalue(), "stderr": complained.getvalue(), "rc": 0}, PROFILE
        )
        # Of ansible-core 2.21 an object of its own.
        return answer if isinstance(answer, dict) else answer.as_result_dict(for_round_trip=True)
