"""Every operation that the lab answers itself."""

from __future__ import annotations

from lab import bedrock, bedrock_runtime, cloudtrail, iam_policies, iam_simulation, polly, transcribe_streaming
from lab.model_operations import REGISTERED
from lab.service import Operation

#: Their import is what registers their operations.
SERVICES = (bedrock, bedrock_runtime, cloudtrail, iam_policies, iam_simulation, polly)
OPERATIONS: tuple[Operation, ...] = (*REGISTERED, *transcribe_streaming.OPERATIONS)
