"""Notes every module that a run executes, and on which host: what starts a Python there or on the controller."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: module_executions
type: aggregate
short_description: Notes the modules that a run executes
description:
  - Writes one line of JSON for each into the file that the environment variable MODULE_EXECUTIONS names.
  - Wraps what every action plugin executes modules with, so that the ones that an action plugin adds are counted, too,
    and actions that stay in the controller's own process are not.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_executions"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Workers are forked from this process later, so they have the wrapped method.
        ActionBase._execute_module = _noting(ActionBase._execute_module, os.environ["MODULE_EXECUTIONS"])


def _noting(execute: Callable[..., Any], path: str) -> Callable[..., Any]:
    @functools.wraps(execute)
    def execute_and_note(self: Any, module_name: str | None = None, *args: Any, **kwargs: Any) -> Any:
        variables = kwargs.get("task_vars") or (args[2] if len(args) > 2 else None) or {}  # noqa: PLR2004
        host = self._task.delegate_to or variables.get("inventory_hostname")
        line = json.dumps({"host": host, "module": module_name or self._task.action})
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123  (one write of an appended line is atomic)
            file.write(f"{line}\n")
        return execute(self, module_name, *args, **kwargs)

    return execute_and_note
