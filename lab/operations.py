"""Every operation that the lab answers itself."""

from __future__ import annotations

from lab import bedrock, bedrock_runtime, cloudtrail, iam_policies, iam_simulation, polly, transcribe_streaming
from lab.service import Operation

OPERATIONS: tuple[Operation, ...] = (
    *bedrock.OPERATIONS,
    *bedrock_runtime.OPERATIONS,
    *cloudtrail.OPERATIONS,
    *iam_policies.OPERATIONS,
    *iam_simulation.OPERATIONS,
    *polly.OPERATIONS,
    *transcribe_streaming.OPERATIONS,
)
