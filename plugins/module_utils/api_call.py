# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every thin function around one AWS API call has in common: backing off, and a message that helps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, cast

from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

with suppress(ImportError):  # AnsibleAWSModule says that boto3 is missing.
    from botocore.exceptions import BotoCoreError, ClientError

#: Error codes that pass by themselves and that AWSRetry does not know.
PASSING_ERRORS = ["InternalServerException", "ServiceFailureException", "ThrottlingException"]

Function = TypeVar("Function", bound=Callable[..., Any])


def api_call(doing: str, action: str) -> Callable[[Function], Function]:
    """Decorate a function that makes one API call with its first argument, a client.

    doing: what is being done, with the function's parameters in braces: ``look at {model_id}``.
    action: the IAM action that the caller needs.

    An error becomes an AnsibleAWSError whose text names what was being done, the region and the action; modules
    hand it to ``fail_json_aws_error``. A denial is therefore never taken for "nothing there".
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        persistent = AWSRetry.jittered_backoff(retries=5, delay=1, catch_extra_error_codes=PASSING_ERRORS)(function)

        @wraps(function)
        def explained(client: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return persistent(client, *args, **kwargs)
            except (ClientError, BotoCoreError) as error:
                what = doing.format(**signature.bind(client, *args, **kwargs).arguments)
                raise AnsibleAWSError(
                    message=f"Failed to {what} in {client.meta.region_name} (IAM action {action})", exception=error
                ) from error

        return cast(Function, explained)

    return decorate
