"""Starting accounts: ``lab/accounts/NAME.yml``, read and checked."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lab.provider import FAULTS as PROVIDER_FAULTS

ACCOUNTS = Path(__file__).with_name("accounts")
PolicyDocument = dict[str, Any]
T = TypeVar("T")
STATUSES = ("pass", "fail", "unproven", "not_applicable")
SIX_HOURS, NINETY_DAYS_IN_HOURS = 21_600.0, 90 * 24


class AccountError(Exception):
    """An account file that is missing or wrong; the text names file, key and remedy."""


@dataclass(frozen=True)
class Role:
    """The role that the requirements name."""

    name: str
    inline_policies: dict[str, PolicyDocument]
    managed_policies: dict[str, PolicyDocument] = field(default_factory=dict)  # customer managed, attached
    permissions_boundary: dict[str, PolicyDocument] = field(default_factory=dict)  # at most one


@dataclass(frozen=True)
class Instance:
    """The EC2 instance; ``profile_role`` is the role in its instance profile, None for no profile."""

    profile_role: str | None
    egress: list[dict[str, Any]]  # EC2's IpPermissions; a PrefixListId is the name of one of prefix_lists
    further_security_groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # name, its egress
    prefix_lists: dict[str, list[str]] = field(default_factory=dict)  # customer managed: name, its IPv4 networks


@dataclass(frozen=True)
class Bedrock:
    """What the account starts with in Bedrock; keys are regions, then model IDs."""

    agreements: dict[str, list[str]]
    agreement_delay_seconds: float
    agreement_error: str | None = None  # every requested agreement ends in ERROR with this message
    use_case_form: bool = False
    #: By region the application inference profiles: ID, and the system-defined profile that it was copied from.
    application_inference_profiles: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Overrides of the catalogue, merged over a model's entry; null takes the model away.
    models: dict[str, dict[str, dict[str, Any] | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Polly:
    """Overrides of the voice catalogue."""

    voices: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # region, voice ID, its engines there
    engines: dict[str, list[str]] = field(default_factory=dict)  # region, the engines that run there at all


@dataclass(frozen=True)
class Provider:
    """How the speech provider answers; ``fault`` is one of those of lab/provider.py, None for none."""

    fault: str | None = None

    def __post_init__(self) -> None:
        """Refuse a fault that there is not."""
        if self.fault not in (None, *PROVIDER_FAULTS):
            raise AccountError(f"provider.fault: {self.fault} is none of {', '.join(PROVIDER_FAULTS)}")


@dataclass(frozen=True)
class Timing:
    """How long AWS takes for what never happens at once, in seconds: nobody may rely on zero."""

    iam_propagation: float = 4.0  # until a change of IAM counts for calls and simulations
    trail_delivery: float = 2.0  # until CloudTrail knows of a call
    instance_session: float = SIX_HOURS  # how long the credentials of the metadata service last

    def __post_init__(self) -> None:
        """Refuse what AWS would not do."""
        for name, seconds in dataclasses.asdict(self).items():
            if not 0 < seconds <= SIX_HOURS:
                raise AccountError(f"timing.{name}: more than 0 and up to {SIX_HOURS:.0f} s needed, not {seconds!r}")


@dataclass(frozen=True)
class PastEvent:
    """A call from before the lab's start that CloudTrail knows of, made by a session of the account's role."""

    event_name: str
    event_source: str  # "bedrock.amazonaws.com"
    region: str
    hours_ago: float
    error_code: str | None = None  # as CloudTrail has it: "AccessDenied"
    error_message: str | None = None  # "{arn}" stands for the caller's ARN
    session: str | None = None  # None is the instance's
    request_parameters: dict[str, Any] = field(default_factory=dict)
    inference_region: str | None = None  # where a call of an inference profile ran

    def __post_init__(self) -> None:
        """Refuse an age at which CloudTrail would not show it."""
        if not 0 <= self.hours_ago <= NINETY_DAYS_IN_HOURS:
            raise AccountError(
                f"trail: {self.event_name}: hours_ago: 0 to {NINETY_DAYS_IN_HOURS} needed, not {self.hours_ago!r}"
            )


@dataclass(frozen=True)
class ExpectedFinding:
    """A verdict that a run of site.yml must reach: every finding with this ID, region and subject has this status.

    A region or a subject that is not given stands for any.
    """

    id: str
    status: str
    region: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        """Refuse a status that no finding has."""
        if self.status not in STATUSES:
            raise AccountError(f"{self.id}: {self.status} is no status: {', '.join(STATUSES)}")


@dataclass(frozen=True)
class Account:
    """One starting account, and what a run of site.yml on it must come to."""

    name: str
    description: str
    account_id: str
    region: str
    role: Role
    instance: Instance
    bedrock: Bedrock
    environment_file: str
    expected: list[ExpectedFinding]
    #: The item of the chain that fails, and the run with it; None where the run gets through.
    fails_at: str | None = None
    #: What stands in findings and failures, so that it is the right reason.
    says: list[str] = field(default_factory=list)
    changes_nothing: bool = False
    #: Variables of the run, merged over those of inventory/lab as ``extends`` merges.
    variables: dict[str, Any] = field(default_factory=dict)
    #: What else the operator may do: files of docs beside operator-policy.json.
    operator_policies: list[str] = field(default_factory=list)
    provider_key: str | None = None  # of the speech provider, in both stores; None is a random one
    polly: Polly = field(default_factory=Polly)
    provider: Provider = field(default_factory=Provider)
    #: Those of the account's organization, beside FullAWSAccess; empty for an account in none.
    service_control_policies: dict[str, PolicyDocument] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    trail: list[PastEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Refuse an account ID that AWS would not give."""
        if not re.fullmatch(r"\d{12}", self.account_id):
            raise AccountError(f"{self.name}: account_id: twelve digits needed, not {self.account_id!r}")


def names() -> list[str]:
    """Every starting account that there is."""
    return sorted(path.stem for path in ACCOUNTS.glob("*.yml"))


def load(name: str) -> Account:
    """Read a starting account with what it extends."""
    return _build(Account, {"name": name, **_read(name)}, f"{ACCOUNTS / name}.yml")


def _read(name: str) -> dict[str, Any]:
    path = ACCOUNTS / f"{name}.yml"
    if name not in names():
        raise AccountError(f"There is no starting account {name!r}. There are: {', '.join(names())}")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise AccountError(f"{path}: a mapping is needed")
    parent = content.pop("extends", None)
    return merge(_read(parent), content) if parent else content


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced, and so is a mapping by an empty one."""
    merged = dict(base)
    for key, value in over.items():
        if value and isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _build(kind: type[T], content: Any, where: str) -> T:
    """Make a dataclass of a mapping; a key too many, too few or of another type is an error."""
    if not isinstance(content, dict):
        raise AccountError(f"{where}: a mapping is needed, not {content!r}")
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := set(content) - set(fields):
        raise AccountError(f"{where}: unknown {_listed(unknown)}; known: {_listed(fields)}")
    required = {n for n, entry in fields.items() if entry.default is entry.default_factory is dataclasses.MISSING}
    if missing := required - set(content):
        raise AccountError(f"{where}: {_listed(missing)} missing")
    hints = typing.get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in content.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)  # type: ignore[arg-type]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _value(arguments[0], value, where)
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], entry, f"{where}[{index}]") for index, entry in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _value(arguments[1], entry, f"{where}.{key}") for key, entry in value.items()}
    if hint is Any or (origin is None and isinstance(value, (int, float) if hint is float else hint)):
        return value
    raise AccountError(f"{where}: {getattr(hint, '__name__', hint)} needed, not {value!r}")


def _listed(words: typing.Iterable[str]) -> str:
    return ", ".join(sorted(words))
