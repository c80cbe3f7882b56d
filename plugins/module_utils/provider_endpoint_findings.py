# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What follows for INFRA-P2-6 from a look at the speech provider's endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.safesecrets.infra.plugins.module_utils.findings import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    UNPROVEN,
    Finding,
    finding,
)

Seen = Mapping[str, Any]

IDENTIFIER, ITEM = "smartest_ai.endpoint", "INFRA-P2-6"
SPEECH, VOICES = "get_speech", "get_voices"
_EGRESS = "Let TCP {port} out to it: INFRA-P2-4 says whether the security groups do; then see network ACL and routes."
_CHECK_URL = "Name in smartest_ai_check_url a cheap URL of the provider's that asks for the key."
_IN_ITS_PLACE = "Find what answers in the provider's place: a proxy, a captive portal, a wrong name in the DNS."
_LATER = "Run again later; see what the provider says of its state."
_NEW_KEY = "Take a key from the provider's console, put it into its store, and run again."

#: By kind of fault: the status, what was seen, what to do. What did not get to the provider proves nothing of it.
FAULTS: dict[str, tuple[str, str, str]] = {
    "no_such_name": (
        FAIL,
        "{host} has no address: the host's resolver knows no such name.",
        "Correct smartest_ai_endpoint, or the DNS that the host asks.",
    ),
    "resolver": (
        UNPROVEN,
        "{host} could not be looked up: the host's resolver did not answer ({text}).",
        "Mend the host's DNS: /etc/resolv.conf and the VPC's DHCP options.",
    ),
    "connect_timeout": (UNPROVEN, "{host} did not take a connection within {seconds} s.", _EGRESS),
    "connection": (UNPROVEN, "{host} could not be reached on port {port} ({text}).", _EGRESS),
    "broken_off": (UNPROVEN, "{host} took the connection and broke it off ({text}).", _IN_ITS_PLACE),
    "answer_timeout": (UNPROVEN, "{host} took the connection and gave no whole answer within {seconds} s.", _LATER),
    "certificate_expired": (
        FAIL,
        "The certificate of {host} has expired.",
        "Look at the host's clock; if it is right, only the provider can renew its certificate.",
    ),
    "certificate_not_yet_valid": (
        FAIL,
        "The certificate of {host} is not valid yet.",
        "Set the host's clock right (chronyc tracking).",
    ),
    "certificate_name": (FAIL, "What answers as {host} has a certificate for another name.", _IN_ITS_PLACE),
    "certificate_issuer": (
        FAIL,
        "The certificate of {host} comes from nobody whom the host trusts ({text}).",
        "If a proxy of yours looks into TLS, let {host} pass it; else find what answers in the provider's place.",
    ),
    "certificate": (FAIL, "The certificate of {host} is not accepted: {text}.", _IN_ITS_PLACE),
    "tls": (FAIL, "{host} does not speak TLS on port {port} as it should ({text}).", _IN_ITS_PLACE),
    "no_http": (FAIL, "{host} does not answer in HTTP ({text}).", _IN_ITS_PLACE),
    "redirect_to_http": (
        FAIL,
        "{host} answered {status}, a redirect to plain http at {target}, as a captive portal does. {sent}",
        _IN_ITS_PLACE,
    ),
    "redirect_to_other_host": (
        FAIL,
        "{host} answered {status}, a redirect to another host, {target}; it was not followed. {sent}",
        "If the provider has moved, correct smartest_ai_endpoint; else find what answers in its place.",
    ),
    "redirect": (
        UNPROVEN,
        "{host} answered {status}, a redirect within the host; it was not followed. {sent}",
        _CHECK_URL,
    ),
    "captive_portal": (
        FAIL,
        "{host} answered {status} with {kind} and not with JSON, as a captive portal or a proxy does. {sent}",
        _IN_ITS_PLACE,
    ),
    "proxy": (FAIL, "A proxy answered {status} in the place of {host}. {sent}", _IN_ITS_PLACE),
    "asks_for_no_key": (
        UNPROVEN,
        "{host} answered {status} without a key, so its answer says nothing of the key. {sent}",
        _CHECK_URL,
    ),
    "no_such_page": (UNPROVEN, "{host} answered {status}: there is nothing at this URL. {sent}", _CHECK_URL),
    "limited": (UNPROVEN, "{host} answered {status}: too many requests. {sent}", _LATER),
    "unavailable": (UNPROVEN, "{host} answered {status}: the provider has a fault of its own. {sent}", _LATER),
    "unknown_key": (FAIL, "{host} answered {status}: it does not know the key.", _NEW_KEY),
    "refused_key": (
        FAIL,
        "{host} answered {status}: it refuses the key.",
        "See in the provider's console what the key may do, and from where; else take another key.",
    ),
    "unpaid": (FAIL, "{host} answered {status}: the provider wants to be paid.", "See the account's credit there."),
    "other": (UNPROVEN, "{host} answered {status}, which says nothing of the key. {sent}", _CHECK_URL),
}
#: Why the endpoint was not asked.
UNASKED: dict[str, tuple[str, str, str]] = {
    "disabled": (NOT_APPLICABLE, "smartest_ai_check is false: the endpoint was not asked.", ""),
    "no_url": (
        UNPROVEN,
        f"The endpoint was not asked: no cheap URL follows from one that does not end in /{SPEECH}.",
        _CHECK_URL,
    ),
    "no_key": (
        UNPROVEN,
        "The endpoint was not asked: this is check mode, and the host does not have the key yet.",
        "Run without --check.",
    ),
}
_BY_VERIFY_CODE = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    **dict.fromkeys((18, 19, 20, 21), "certificate_issuer"),
    **dict.fromkeys((62, 64), "certificate_name"),
}
_BY_STATUS = {
    **dict.fromkeys((404, 405, 410), "no_such_page"),
    407: "proxy",
    429: "limited",
    511: "captive_portal",
}
_BY_STATUS_WITH_KEY = {401: "unknown_key", 402: "unpaid", 403: "refused_key"}
#: The classes of HTTP statuses.
SUCCESS, REDIRECTION, SERVER_ERROR = 2, 3, 5


def check_url(endpoint: str, configured: str) -> str:
    """Return the URL of the cheap call: the configured one, or the list of voices beside the endpoint's speech."""
    head, _separator, last = endpoint.rpartition("/")
    return configured or (f"{head}/{VOICES}" if last == SPEECH else "")


def fault_of(seen: Seen, host: str, with_key: bool) -> str:
    """Return the kind of fault of one request, a key of :data:`FAULTS`, or nothing where the provider took the key.

    host: that of the URL, with its port where it names one.
    """
    if seen["error"]:
        return _unanswered(seen)
    status = seen["http_status"]
    if status // 100 == REDIRECTION and seen["redirect"]:
        return _redirected(seen["redirect"], host)
    if status // 100 == SUCCESS:
        taken = "" if with_key else "asks_for_no_key"
        return taken if seen["is_json"] else "captive_portal"
    known = {**_BY_STATUS, **(_BY_STATUS_WITH_KEY if with_key else {})}
    return known.get(status, "unavailable" if status // 100 == SERVER_ERROR else "other")


def _redirected(target: Mapping[str, str], host: str) -> str:
    if target["scheme"] != "https":
        return "redirect_to_http"
    return "redirect" if target["host"].lower() == host.lower() else "redirect_to_other_host"


def _unanswered(seen: Seen) -> str:
    error = str(seen["error"])
    if error == "certificate":
        return _BY_VERIFY_CODE.get(seen["error_code"], "certificate")
    if error == "timeout":
        return {"resolve": "resolver", "connect": "connect_timeout"}.get(seen["phase"], "answer_timeout")
    if error == "connection" and seen["phase"] != "connect":
        return "broken_off"
    return error


def endpoint_findings(
    looked: Mapping[str, Any], url: str, subject: str, seconds: float, unasked: str = ""
) -> list[Finding]:
    """Return the finding on the provider's endpoint.

    looked: what ``provider_endpoint.look`` saw. subject: the host that looked. seconds: how long it waited.
    unasked: why nobody looked, a key of :data:`UNASKED`.
    """
    if unasked:
        status, detail, remedy = UNASKED[unasked]
        return [finding(IDENTIFIER, ITEM, subject, status, detail, remedy=remedy)]
    parts, sent = urlsplit(url), looked["with_key"] is not None
    seen = looked["with_key"] if sent else looked["without_key"]
    kind = fault_of(seen, parts.netloc, sent)
    if kind:
        words = {
            "host": parts.hostname,
            "port": parts.port or 443,
            "seconds": f"{seconds:g}",
            "text": seen.get("error_text", ""),
            "status": seen.get("http_status"),
            "kind": seen.get("content_type") or "text of no type",
            "target": (seen.get("redirect") or {}).get("host", ""),
            "sent": f"The key went to {parts.hostname} alone." if sent else "The key was not sent.",
        }
        status, detail, remedy = FAULTS[kind]
        detail, remedy = detail.format(**words), remedy.format(**words)
    else:
        first = looked["without_key"]["http_status"]
        status, remedy = PASS, ""
        detail = f"{parts.hostname} answers the host, and takes the key: {seen['http_status']}, but {first} without it."
    evidence = {"url": url, "host_call": host_call(seen, kind), "without_key": looked["without_key"]}
    return [finding(IDENTIFIER, ITEM, subject, status, detail, remedy=remedy, evidence=evidence)]


def host_call(seen: Seen, kind: str) -> dict[str, Any]:
    """Return one request in the form that all calls from a host have."""
    if not kind:
        status = "ok"
    elif seen["error"]:
        status = "unanswered"
    else:
        status = "refused" if kind in ("unknown_key", "refused_key") else "failed"
    return {
        "status": status,
        "http_status": seen.get("http_status"),
        "error_code": kind or None,
        "message": seen.get("error_text"),
        "request_id": seen.get("request_id"),
        "latency_ms": seen["latency_ms"],
        "attempted_at": seen["attempted_at"],
        "addresses": seen.get("addresses", []),
        "certificate": seen.get("certificate"),
    }
