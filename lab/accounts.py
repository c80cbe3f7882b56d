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

ACCOUNTS = Path(__file__).with_name("accounts")
PolicyDocument = dict[str, Any]
T = TypeVar("T")
STATUSES = ("pass", "fail", "unproven", "not_applicable")


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
    egress: list[dict[str, Any]]  # EC2's IpPermissions


@dataclass(frozen=True)
class Bedrock:
    """What the account starts with in Bedrock; keys are regions, then model IDs."""

    agreements: dict[str, list[str]]
    agreement_delay_seconds: float
    agreement_error: str | None = None  # every requested agreement ends in ERROR with this message
    use_case_form: bool = False
    #: Overrides of the catalogue, merged over a model's entry; null takes the model away.
    models: dict[str, dict[str, dict[str, Any] | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Polly:
    """Overrides of the voice catalogue: region, voice ID, the engines that it has there."""

    voices: dict[str, dict[str, list[str]]] = field(default_factory=dict)


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
    """One starting account."""

    name: str
    description: str
    account_id: str
    region: str
    role: Role
    instance: Instance
    bedrock: Bedrock
    environment_file: str
    expected: list[ExpectedFinding]
    polly: Polly = field(default_factory=Polly)
    #: Those of the account's organization, beside FullAWSAccess; empty for an account in none.
    service_control_policies: dict[str, PolicyDocument] = field(default_factory=dict)

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
    return _merge(_read(parent), content) if parent else content


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
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
