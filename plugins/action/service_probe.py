# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of the probe: build the travelling file where it is not there yet, and send it."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.safesecrets.infra.plugins.plugin_utils import probe_bundle


class ActionModule(ActionBase):
    """Sends the file along with the module that uses it."""

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            if (arguments.get("calls") or arguments.get("provider")) and not self._task.check_mode:
                arguments.update(self._send(arguments))
            return self._execute_module(module_args=arguments, task_vars=task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _send(self, arguments):
        """Bring the file to the host, and say where it is there and what its SHA-256 must be."""
        file = self._file(arguments.get("bundle"))
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        remote = self._connection._shell.join_path(
            self._connection._shell.tmpdir, f"service-probe-{probe_bundle.digest(file)[:16]}.pyz"
        )
        self._transfer_file(str(file), remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return {"bundle": remote, "bundle_sha256": arguments.get("bundle_sha256") or probe_bundle.digest(file)}

    def _file(self, given):
        if given:
            file = Path(given).expanduser()
            if not file.is_file():
                raise AnsibleActionFail(f"bundle: there is no file {file} on the controller")
            return file
        try:
            return probe_bundle.cached_bundle()
        except (probe_bundle.BundleError, OSError) as error:
            raise AnsibleActionFail(str(error)) from error
