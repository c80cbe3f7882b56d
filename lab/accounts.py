"""Starting accounts: ``lab/accounts/NAME.yml``, read and checked."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from lab.templates import read

ACCOUNTS = Path(__file__).with_name("accounts")
PolicyDocument = dict[str, Any]
SIX_HOURS, NINETY_DAYS_IN_HOURS = 21_600.0, 90 * 24
#: What the speech provider does wrong, or what answers in its place.
FAULTS = (*read("provider.yml")["in_its_place"], *read("provider.yml")["faults"])
ProviderFault = Annotated[str, StringConstraints(pattern=f"^({'|'.join(FAULTS)})$")]
#: What never happens at once, and what AWS would not let take longer.
Seconds = Annotated[float, Field(gt=0, le=SIX_HOURS)]


class AccountError(Exception):
    """An account file that is missing or wrong; the text names file, key and remedy."""


dataclass = validated(frozen=True, config=ConfigDict(extra="forbid", defer_build=True))


@dataclass
class Role:
    """The role that the requirements name."""

    name: str
    inline_policies: dict[str, PolicyDocument]
    managed_policies: dict[str, PolicyDocument] = field(default_factory=dict)  # customer managed, attached
    permissions_boundary: dict[str, PolicyDocument] = field(default_factory=dict)  # at most one


@dataclass
class Instance:
    """The EC2 instance; ``profile_role`` is the role in its instance profile, None for no profile."""

    profile_role: str | None
    egress: list[dict[str, Any]]  # EC2's IpPermissions; a PrefixListId is the name of one of prefix_lists
    further_security_groups: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # name, its egress
    prefix_lists: dict[str, list[str]] = field(default_factory=dict)  # customer managed: name, its IPv4 networks


@dataclass
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


@dataclass
class Polly:
    """Overrides of the voice catalogue."""

    voices: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # region, voice ID, its engines there
    engines: dict[str, list[str]] = field(default_factory=dict)  # region, the engines that run there at all


@dataclass
class Provider:
    """How the speech provider answers; ``fault`` is one of those of lab/provider.py, None for none."""

    fault: ProviderFault | None = None


@dataclass
class Timing:
    """How long AWS takes for what never happens at once, in seconds: nobody may rely on zero."""

    iam_propagation: Seconds = 4.0  # until a change of IAM counts for calls and simulations
    trail_delivery: Seconds = 2.0  # until CloudTrail knows of a call
    instance_session: Seconds = SIX_HOURS  # how long the credentials of the metadata service last


@dataclass
class PastEvent:
    """A call from before the lab's start that CloudTrail knows of, made by a session of the account's role."""

    event_name: str
    event_source: str  # "bedrock.amazonaws.com"
    region: str
    hours_ago: Annotated[float, Field(ge=0, le=NINETY_DAYS_IN_HOURS)]  # as long as CloudTrail shows it
    error_code: str | None = None  # as CloudTrail has it: "AccessDenied"
    error_message: str | None = None  # "{arn}" stands for the caller's ARN
    session: str | None = None  # None is the instance's
    request_parameters: dict[str, Any] = field(default_factory=dict)
    inference_region: str | None = None  # where a call of an inference profile ran


@dataclass
class ExpectedFinding:
    """A verdict that a run of site.yml must reach: every finding with this ID, region and subject has this status.

    A region or a subject that is not given stands for any.
    """

    id: str
    status: Literal["pass", "fail", "unproven", "not_applicable"]
    region: str | None = None
    subject: str | None = None


@dataclass
class Account:
    """One starting account, and what a run of site.yml on it must come to."""

    name: str
    description: str
    account_id: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
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


def names() -> list[str]:
    """Every starting account that there is."""
    return sorted(path.stem for path in ACCOUNTS.glob("*.yml"))


def load(name: str) -> Account:
    """Read a starting account with what it extends."""
    try:
        return TypeAdapter(Account).validate_python({"name": name, **_read(name)})
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}, not {reprlib.repr(each['input'])}"
            for each in error.errors()
        ]
        raise AccountError(f"{ACCOUNTS / name}.yml: {'; '.join(faults)}") from error


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
