# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record what a step found, then fail when that is a failure: in one task, because every step of the chain ends so."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.safesecrets.infra.plugins.module_utils import findings
from ansible_collections.safesecrets.infra.plugins.plugin_utils import recorded_findings


class ActionModule(ActionBase):
    """Needs neither the host nor AWS."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _validated, given = self.validate_argument_spec(
            {
                "observed": {"type": "list", "elements": "dict", "required": True},
                "record": {"type": "bool", "default": True},
                "stop": {"type": "bool"},
                "strict": {"type": "bool"},
            }
        )
        stop = self._chosen(given["stop"], "findings_stop", True)
        strict = self._chosen(given["strict"], "findings_strict", self._chosen(None, "safesecrets_strict", False))
        observed = given["observed"]
        if given["record"]:
            try:
                observed = findings.checked(observed)
            except ValueError as error:
                raise AnsibleActionFail(f"The role did not hand over findings in their form: {error}") from error
            earlier = recorded_findings.of_this_run((task_vars or {}).get("ansible_facts", {}))
            result["ansible_facts"] = recorded_findings.as_facts([*earlier, *observed])
        # The callback reads it here: a failed task has no facts, and is shown without its arguments.
        result["invocation"] = {"module_args": {"observed": observed, "record": given["record"]}}
        stopping = findings.stopping(observed, strict=strict and not self._task.check_mode)
        if stop and stopping:
            # Ansible keeps no fact of a failed task, but would print it under the message.
            result.pop("ansible_facts", None)
            result.update(failed=True, msg=findings.explain(stopping))
        return result

    def _chosen(self, given, variable, default):
        """Return what the task says, else what the variable of the play says."""
        if given is not None:
            return given
        variables = self._templar.available_variables
        if variable not in variables:
            return default
        return boolean(self._templar.template(variables[variable]))
