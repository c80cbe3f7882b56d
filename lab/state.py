"""What the lab's account remembers beyond ministack: agreements, use-case forms, CloudTrail's events, its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.iam_propagation import Propagation

if TYPE_CHECKING:
    from lab.accounts import Account


def utc_now() -> datetime:
    """The machine's time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Agreement:
    """A Marketplace agreement for one model in one region: PENDING, then AVAILABLE or ERROR."""

    requested_at: datetime
    delay_seconds: float
    error_message: str | None = None

    def status(self, now: datetime) -> str:
        """The value of ``agreementAvailability.status`` at that time."""
        if now < self.requested_at + timedelta(seconds=self.delay_seconds):
            return "PENDING"
        return "ERROR" if self.error_message else "AVAILABLE"


@dataclass(frozen=True)
class TrailEvent:
    """A call as CloudTrail has it."""

    moment: datetime
    content: dict[str, Any]

    @property
    def time(self) -> datetime:
        """The time that CloudTrail tells: in whole seconds."""
        return self.moment.replace(microsecond=0)


@dataclass
class LabState:
    """The state of one lab, handed to every operation's handler."""

    account: Account
    directory: Path
    clock: Callable[[], datetime] = utc_now
    #: Keyed by (region, model ID).
    agreements: dict[tuple[str, str], Agreement] = field(default_factory=dict)
    #: The form's bytes as they were put. Once per account: the key is the region of the call.
    use_case_forms: dict[str, bytes] = field(default_factory=dict)
    #: How often an inference profile was called, by its ARN: a call goes to each destination in turn.
    profile_calls: dict[str, int] = field(default_factory=dict)
    #: CloudTrail's events, oldest first.
    trail: list[TrailEvent] = field(default_factory=list)
    #: When events were looked up of late, by region.
    trail_lookups: dict[str, list[datetime]] = field(default_factory=dict)
    iam: Propagation = field(init=False)

    def __post_init__(self) -> None:
        """Let changes of IAM take the account's time."""
        delay = timedelta(seconds=self.account.timing.iam_propagation)
        self.iam = Propagation(self.clock, delay)

    @property
    def account_id(self) -> str:
        """The twelve digits of the account."""
        return self.account.account_id

    def agreement_status(self, region: str, model_id: str) -> tuple[str, str | None]:
        """``agreementAvailability`` of a model: status and, in error, its message."""
        agreement = self.agreements.get((region, model_id))
        if agreement is None:
            return "NOT_AVAILABLE", None
        status = agreement.status(self.clock())
        return status, agreement.error_message if status == "ERROR" else None

    def request_agreement(self, region: str, model_id: str) -> Agreement:
        """Begin an agreement, with the account's delay and the account's error."""
        bedrock = self.account.bedrock
        agreement = Agreement(self.clock(), bedrock.agreement_delay_seconds, bedrock.agreement_error)
        self.agreements[(region, model_id)] = agreement
        return agreement
