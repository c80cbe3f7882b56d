# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with the configuration, before anything is changed.

A fault names the variable as a path into the data model (``safesecrets_regions.US.models.default``), says what is
wrong with it and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault
from ansible_collections.safesecrets.infra.plugins.module_utils.jurisdictions import JURISDICTIONS, PROMISES
from ansible_collections.safesecrets.infra.plugins.module_utils.model_identifiers import parse

#: Gives names of regions when they are needed: finding them out costs more than everything else here.
KnownRegions = Callable[[], Iterable[str]]

POLLY_ENGINES = ("standard", "neural", "long-form", "generative")
SPEECH_PROVIDERS = ("smartest_ai",)

REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}")
#: A region code and a long name become part of a variable's name.
NAME_PART = re.compile(r"[A-Z][A-Z0-9_]*")
#: AWS_REGION_DEFAULT names the default region, so no region may be called so.
RESERVED_LONG_NAME = "DEFAULT"
VOICE = re.compile(r"[A-Z][a-z]+")
ACCOUNT_ID = re.compile(r"[0-9]{12}")
ROLE_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/[A-Za-z0-9+=,.@_/-]+")


def _kind(value: Any) -> str:
    """Name a value's type as YAML's readers know it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a mapping" if isinstance(value, Mapping) else "a list"


def _text(variable: str, value: Any, pattern: re.Pattern[str], what: str, remedy: str) -> Iterator[Fault]:
    if value is None:
        yield fault(variable, "is not set", remedy)
    elif not isinstance(value, str):
        yield fault(variable, f"is {_kind(value)}, not text", f"write it in quotes: {remedy}")
    elif not pattern.fullmatch(value):
        yield fault(variable, f"is {value!r}, which is no {what}", remedy)


def _choice(variable: str, value: Any, choices: Iterable[str], what: str) -> Iterator[Fault]:
    known = list(choices)
    if not isinstance(value, str) or value not in known:
        yield fault(variable, f"is {value!r}, which is no {what}", f"write one of {', '.join(known)}")


def _keys(variable: str, value: Any, required: Sequence[str]) -> Iterator[Fault]:
    """Find out whether a mapping has exactly the required keys."""
    wanted = ", ".join(required)
    if not isinstance(value, Mapping):
        yield fault(variable, f"is {_kind(value)}, not a mapping", f"write a mapping with {wanted}")
        return
    for key in required:
        if key not in value:
            yield fault(f"{variable}.{key}", "is missing", f"{variable} needs {wanted}")
    for key in value:
        if key not in required:
            near = get_close_matches(str(key), required, 1)
            hint = f"did you mean {near[0]}?" if near else f"{variable} knows {wanted}"
            yield fault(f"{variable}.{key}", "is no known key", hint)


def _entries(variable: str, value: Any, what: str) -> tuple[Mapping[Any, Any], list[Fault]]:
    """Return the entries of a non-empty mapping, or none of them and the fault."""
    if isinstance(value, Mapping) and value:
        return value, []
    seen = "is empty" if isinstance(value, Mapping) else f"is {_kind(value)}, not a mapping"
    return {}, [fault(variable, seen, f"write a mapping with one entry for each {what}")]


def _texts(variable: str, value: Any) -> tuple[list[str], list[Fault]]:
    """Return the distinct texts of a list, and the faults of the list itself."""
    if not isinstance(value, (list, tuple)):
        return [], [fault(variable, f"is {_kind(value)}, not a list", f"write {variable.rpartition('.')[2]}: [...]")]
    texts: list[str] = []
    faults = []
    for index, each in enumerate(value):
        if not isinstance(each, str):
            faults.append(fault(f"{variable}[{index}]", f"is {_kind(each)}, not text", "write it in quotes"))
        elif each in texts:
            faults.append(fault(f"{variable}[{index}]", f"names {each!r} again", "name it once"))
        else:
            texts.append(each)
    return texts, faults


def _model_id(variable: str, model_id: str, region: Any) -> Iterator[Fault]:
    try:
        parse(model_id, region)
    except ValueError as error:
        what, _separator, remedy = str(error).partition(": ")
        yield fault(variable, f"holds what is no ID: {what}", remedy)


def _models(variable: str, models: Any, region: Any) -> Iterator[Fault]:
    yield from _keys(variable, models, ("default", "allowlist", "optional"))
    if not isinstance(models, Mapping):
        return
    allowlist, allowlist_faults = _texts(f"{variable}.allowlist", models.get("allowlist", []))
    optional, optional_faults = _texts(f"{variable}.optional", models.get("optional", []))
    yield from [*allowlist_faults, *optional_faults]
    for key, model_ids in (("allowlist", allowlist), ("optional", optional)):
        for model_id in model_ids:
            yield from _model_id(f"{variable}.{key}", model_id, region)
    if not allowlist and not allowlist_faults:
        yield fault(f"{variable}.allowlist", "is empty", "name at least the default model")
    for model_id in [each for each in optional if each in allowlist]:
        what = f"names {model_id!r}, which is in the allow-list too"
        yield fault(f"{variable}.optional", what, "leave it in one of both")
    if "default" in models:
        yield from _default_model(f"{variable}.default", models["default"], allowlist)


def _default_model(variable: str, default: Any, allowlist: Sequence[str]) -> Iterator[Fault]:
    if not isinstance(default, str):
        yield fault(variable, f"is {_kind(default)}, not text", "write the ID of a model of the allow-list")
    elif allowlist and default not in allowlist:
        yield fault(variable, f"is {default!r}, which its allowlist does not name", "add it there or choose another")


def _voices(variable: str, voices: Any) -> Iterator[Fault]:
    yield from _keys(variable, voices, ("engine", "required"))
    if not isinstance(voices, Mapping):
        return
    if "engine" in voices:
        yield from _choice(f"{variable}.engine", voices["engine"], POLLY_ENGINES, "engine of Polly's")
    required, faults = _texts(f"{variable}.required", voices.get("required", []))
    yield from faults
    for voice in required:
        yield from _text(f"{variable}.required", voice, VOICE, "ID of a voice", "write it as Polly does: Ruth, Joanna")


def _region_name(variable: str, region: Any, known_regions: KnownRegions) -> Iterator[Fault]:
    for each in _text(variable, region, REGION, "name of an AWS region", "write a region's name such as us-east-1"):
        near = get_close_matches(region, known_regions(), 1) if isinstance(region, str) else []
        yield {**each, "remedy": f"did you mean {near[0]}?"} if near else each


def _region(variable: str, region: Any, known_regions: KnownRegions) -> Iterator[Fault]:
    yield from _keys(variable, region, ("region", "name", "models", "voices"))
    if not isinstance(region, Mapping):
        return
    if "region" in region:
        yield from _region_name(f"{variable}.region", region["region"], known_regions)
    if "name" in region:
        path = f"{variable}.name"
        yield from _text(path, region["name"], NAME_PART, "part of a variable's name", "write it as in CANADA")
        if region["name"] == RESERVED_LONG_NAME:
            yield fault(path, "is DEFAULT, but AWS_REGION_DEFAULT names the default region", "choose another name")
    if "models" in region:
        yield from _models(f"{variable}.models", region["models"], region.get("region"))
    if "voices" in region:
        yield from _voices(f"{variable}.voices", region["voices"])


def _same(regions: Mapping[Any, Any], key: str) -> Iterator[Fault]:
    """Find two codes that share what only one may have."""
    codes: dict[str, Any] = {}
    for code, region in regions.items():
        value = region.get(key) if isinstance(region, Mapping) else None
        if not isinstance(value, str):
            continue
        if value in codes:
            path = f"safesecrets_regions.{code}.{key}"
            yield fault(path, f"is {value!r}, which {codes[value]} has too", "give each code its own, or drop one")
        codes.setdefault(value, code)


def _regions(value: Any, known_regions: KnownRegions) -> Iterator[Fault]:
    regions, faults = _entries("safesecrets_regions", value, "region code, such as CA")
    yield from faults
    for code, region in regions.items():
        variable = f"safesecrets_regions.{code}"
        yield from _text(variable, code, NAME_PART, "region code", "capitals, digits and _, such as CA")
        yield from _region(variable, region, known_regions)
    yield from _same(regions, "region")
    yield from _same(regions, "name")


def _modes(value: Any, codes: Sequence[str]) -> Iterator[Fault]:
    modes, faults = _entries("safesecrets_modes", value, "sovereignty mode")
    yield from faults
    for key, mode in modes.items():
        variable = f"safesecrets_modes.{key}"
        if not isinstance(key, str):
            yield fault(variable, f"has {_kind(key)} as its key", f'write the key in quotes: "{key}"')
        yield from _keys(variable, mode, ("name", "language_model", "transcription", "speech", "data"))
        if isinstance(mode, Mapping):
            yield from _mode(variable, mode, codes)


def _mode(variable: str, mode: Mapping[str, Any], codes: Sequence[str]) -> Iterator[Fault]:
    if "name" in mode:
        yield from _text(f"{variable}.name", mode["name"], re.compile(r".*\S.*"), "name", "say what the mode is")
    for key in ("language_model", "transcription"):
        if key in mode:
            yield from _choice(f"{variable}.{key}", mode[key], codes, "code of safesecrets_regions")
    if "data" in mode:
        yield from _choice(f"{variable}.data", mode["data"], PROMISES, "place where data may go")
    if "speech" in mode:
        yield from _speech(f"{variable}.speech", mode["speech"], codes)


def _speech(variable: str, speech: Any, codes: Sequence[str]) -> Iterator[Fault]:
    if isinstance(speech, Mapping) and "provider" in speech:
        yield from _keys(variable, speech, ("provider",))
        yield from _choice(f"{variable}.provider", speech["provider"], SPEECH_PROVIDERS, "speech provider")
        return
    yield from _keys(variable, speech, ("region", "engine"))
    if isinstance(speech, Mapping) and "region" in speech:
        yield from _choice(f"{variable}.region", speech["region"], codes, "code of safesecrets_regions")
    if isinstance(speech, Mapping) and "engine" in speech:
        yield from _choice(f"{variable}.engine", speech["engine"], POLLY_ENGINES, "engine of Polly's")


def _provider_jurisdictions(value: Any) -> Iterator[Fault]:
    variable = "safesecrets_provider_jurisdictions"
    if not isinstance(value, Mapping):
        yield fault(variable, f"is {_kind(value)}, not a mapping", "write it as in smartest_ai: us")
        return
    for provider, jurisdiction in value.items():
        yield from _choice(f"{variable} (its key)", provider, SPEECH_PROVIDERS, "speech provider")
        yield from _choice(f"{variable}.{provider}", jurisdiction, JURISDICTIONS, "jurisdiction")


def endpoint_faults(variable: str, value: Any, schemes: Sequence[str] = ("https",)) -> list[Fault]:
    """Return what is wrong with an endpoint's URL; never quotes it, since it may hold credentials."""
    remedy = f"write {schemes[0]}://HOST[:PORT]/PATH"
    if not isinstance(value, str):
        return [fault(variable, f"is {_kind(value)}, not text", remedy)]
    try:
        url = urlsplit(value)
        host, _port = url.hostname, url.port
    except ValueError:
        return [fault(variable, "is no URL", remedy)]
    checks = (
        (url.scheme.lower() not in schemes, f"does not start with {' or '.join(f'{each}://' for each in schemes)}"),
        (not re.fullmatch(r"[A-Za-z0-9.:-]+", host or ""), "names no host"),
        ("@" in url.netloc, "holds credentials"),
        ("?" in value, "holds a query, where credentials would be logged"),
        ("#" in value, "holds a fragment"),
        (re.search(r"\s", value) is not None, "holds white space"),
    )
    return [fault(variable, what, remedy) for wrong, what in checks if wrong]


def _account(configuration: Mapping[str, Any]) -> Iterator[Fault]:
    account_id = configuration.get("safesecrets_account_id", "")
    if account_id != "":
        remedy = 'twelve digits such as "111122223333", or "" for any account'
        yield from _text("safesecrets_account_id", account_id, ACCOUNT_ID, "account ID", remedy)
    role_arn = configuration.get("safesecrets_assume_role_arn", "")
    if role_arn == "":
        return
    variable = "safesecrets_assume_role_arn"
    yield from _text(variable, role_arn, ROLE_ARN, "ARN of a role", "such as arn:aws:iam::111122223333:role/operator")
    arn = ROLE_ARN.fullmatch(role_arn) if isinstance(role_arn, str) else None
    if arn and account_id and arn["account"] != account_id:
        what = f"is a role of account {arn['account']}, but safesecrets_account_id is {account_id}"
        yield fault(variable, what, "name a role of that account")


def _role_name(name: Any) -> Iterator[Fault]:
    yield from _text("safesecrets_role_name", name, ROLE_NAME, "name of a role", "write it alone, without ARN or path")


def _default_region(default: Any, codes: Sequence[str]) -> Iterator[Fault]:
    if codes:
        yield from _choice("safesecrets_default_region", default, codes, "code of safesecrets_regions")


def _connection(connection: Any) -> Iterator[Fault]:
    if not isinstance(connection, Mapping):
        yield fault("safesecrets_aws", f"is {_kind(connection)}, not a mapping", "write e.g. safesecrets_aws: {}")
        return
    if connection.get("endpoint_url"):
        yield from endpoint_faults("safesecrets_aws.endpoint_url", connection["endpoint_url"])


def _endpoints(configuration: Mapping[str, Any]) -> Iterator[Fault]:
    schemes: Mapping[str, tuple[str, ...]] = {
        "safesecrets_imds_endpoint": ("http", "https"),
        "smartest_ai_endpoint": ("https",),
    }
    for variable, allowed in schemes.items():
        if configuration.get(variable, "") != "":
            yield from endpoint_faults(variable, configuration[variable], allowed)


def configuration_faults(configuration: Mapping[str, Any], known_regions: KnownRegions = tuple) -> list[Fault]:
    """Return everything that is wrong with the configuration.

    configuration: the variables of ``group_vars/all/safesecrets.yml`` by name, and the optional ones that are set.
    known_regions: gives names of regions that remedies may propose; a name that is not among them is no fault.
    """
    regions = configuration.get("safesecrets_regions")
    codes = [str(code) for code in regions] if isinstance(regions, Mapping) else []
    return [
        *_account(configuration),
        *_role_name(configuration.get("safesecrets_role_name")),
        *_regions(regions, known_regions),
        *_default_region(configuration.get("safesecrets_default_region"), codes),
        *_modes(configuration.get("safesecrets_modes"), codes),
        *_provider_jurisdictions(configuration.get("safesecrets_provider_jurisdictions", {})),
        *_connection(configuration.get("safesecrets_aws", {})),
        *_endpoints(configuration),
    ]


def unknown_regions(regions: Mapping[str, Any], known_regions: Iterable[str]) -> list[str]:
    """Return the well-formed region names that a list of known ones lacks; new regions come, so this is a hint."""
    known = set(known_regions)
    return [region["region"] for region in regions.values() if known and region["region"] not in known]
