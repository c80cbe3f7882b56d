"""The floor: the chain's checks and changes as one Python process with boto3, each needed call made once, in threads.

``python -m benchmarks.floor PLAN``, as the operator of the environment's credentials. Two things it takes from the
product, because boto3 has nothing for them: the stream to Transcribe, and the policy document that is wanted.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from ansible_collections.safesecrets.infra.plugins.module_utils.service_probe import (
    audio,
    bodies,
    provider_call,
    transcribe_stream,
)
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from benchmarks import work

THREADS = 16
TRAIL_SECONDS = 60
AGREEMENT_INTERVAL = 0.5
#: CloudTrail takes two look-ups a second and region; a little more, for the way there.
LOOKUPS, LOOKUP_SECONDS = 2, 1.02
Failures = list[str]


class Aws:
    """Clients by service and region, of the operator or of the host."""

    def __init__(self, credentials: ReadOnlyCredentials | None = None, endpoint: str | None = None) -> None:
        keys = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        given = (credentials.access_key, credentials.secret_key, credentials.token) if credentials else ()
        session: Any = boto3.Session
        self._session, self._endpoint = session(**dict(zip(keys, given, strict=False))), endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str) -> Any:
        """Make a client once; sessions are not for several threads."""
        with self._lock:
            if (service, region) not in self._clients:
                options = {"config": Config(max_pool_connections=THREADS), "endpoint_url": self._endpoint}
                self._clients[service, region] = self._session.client(service, region_name=region, **options)
            return self._clients[service, region]


class Floor:
    """One run."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan, self.home = plan, plan["home"]
        self.regions: dict[str, Any] = plan["regions"]
        self.aws = Aws()
        self.failures: Failures = []
        self.threads = ThreadPoolExecutor(THREADS)

    def run(self) -> Failures:
        """Look, change what differs, prove."""
        seen = self.together(self.looks())
        self.check_account(seen)
        self.check_models(seen)
        self.check_voices(seen)
        self.check_egress(seen)
        self.bring_policy(seen)
        self.bring_file(seen["secret"]["SecretString"])
        proofs = self.together({"simulations": self.simulate, "calls": partial(self.call, seen["secret"])})
        self.check_trail(proofs["calls"])
        return self.failures

    def together(self, calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        """Make calls at the same time."""
        started = {name: self.threads.submit(call) for name, call in calls.items()}
        return {name: future.result() for name, future in started.items()}

    def expect(self, holds: object, failure: str) -> None:
        """Note what does not hold."""
        if not holds:
            self.failures.append(failure)

    def looks(self) -> dict[str, Callable[[], Any]]:
        """Everything that is looked at before anything is changed."""
        iam, ec2 = self.aws.client("iam", self.home), self.aws.client("ec2", self.home)
        role = {"RoleName": self.plan["role_name"]}
        looks: dict[str, Callable[[], Any]] = {
            "caller": self.aws.client("sts", self.home).get_caller_identity,
            "role": partial(iam.get_role, **role),
            "inline": partial(self.inline_policies, iam, role),
            "attached": partial(iam.list_attached_role_policies, **role),
            "form": partial(_optional, self.aws.client("bedrock", self.home).get_use_case_for_model_access),
            "secret": partial(
                self.aws.client("secretsmanager", self.home).get_secret_value, SecretId=self.plan["secret_id"]
            ),
            "instance": partial(self.network, ec2),
            "identity": partial(host_identity, self.plan["imds_endpoint"]),
        }
        for region, models in work.models(self.regions).items():
            bedrock = self.aws.client("bedrock", region)
            looks[f"models {region}"] = partial(bedrock.list_foundation_models, byProvider="Anthropic")
            for model in models:
                looks[f"availability {region} {model}"] = partial(
                    bedrock.get_foundation_model_availability, modelId=model
                )
        for region, engine in work.engines(self.regions):
            polly = self.aws.client("polly", region)
            looks[f"voices {region}"] = partial(list, polly.get_paginator("describe_voices").paginate(Engine=engine))
        return looks

    def inline_policies(self, iam: Any, role: Mapping[str, str]) -> dict[str, Any]:
        """Read the role's inline policies."""
        names = iam.list_role_policies(**role)["PolicyNames"]
        return {name: iam.get_role_policy(**role, PolicyName=name)["PolicyDocument"] for name in names}

    def network(self, ec2: Any) -> dict[str, Any]:
        """Read the instance, and then what its packets meet."""
        instance = ec2.describe_instances(InstanceIds=[self.plan["instance_id"]])["Reservations"][0]["Instances"][0]
        groups = sorted(
            {group["GroupId"] for interface in instance["NetworkInterfaces"] for group in interface["Groups"]}
        )
        vpc = [{"Name": "vpc-id", "Values": [instance["VpcId"]]}]
        subnet = [{"Name": "association.subnet-id", "Values": [instance["SubnetId"]]}]
        return {
            "instance": instance,
            "groups": ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"],
            "routes": ec2.describe_route_tables(Filters=vpc)["RouteTables"],
            "acls": ec2.describe_network_acls(Filters=subnet)["NetworkAcls"],
            "endpoints": ec2.describe_vpc_endpoints(Filters=vpc)["VpcEndpoints"],
        }

    def check_account(self, seen: Mapping[str, Any]) -> None:
        """Compare the account, the role and the host's instance profile."""
        account, role = self.plan["account_id"], self.plan["role_name"]
        self.expect(seen["caller"]["Account"] == account, "the credentials are of another account")
        self.expect(seen["role"]["Role"]["RoleName"] == role, "the role is another one")
        document, info = seen["identity"]
        self.expect(document["instanceId"] == self.plan["instance_id"], "the host is another instance")
        self.expect(info["InstanceProfileArn"].endswith(f"/{role}"), "the host's instance profile is another one")

    def check_models(self, seen: dict[str, Any]) -> None:
        """Request what is missing, and see that every model is offered, alive and accessible."""
        missing = [
            (region, model)
            for region, models in work.models(self.regions).items()
            for model in models
            if seen[f"availability {region} {model}"]["agreementAvailability"]["status"] == "NOT_AVAILABLE"
        ]
        if missing and seen["form"] is None:
            form = json.dumps(work.USE_CASE).encode()
            self.aws.client("bedrock", self.home).put_use_case_for_model_access(formData=form)
        self.expect(missing or seen["form"] is not None, "the use-case form is missing")
        for region, model in missing:
            bedrock = self.aws.client("bedrock", region)
            offer = bedrock.list_foundation_model_agreement_offers(modelId=model)["offers"][0]["offerToken"]
            bedrock.create_foundation_model_agreement(modelId=model, offerToken=offer)
            seen[f"availability {region} {model}"] = self.await_model(bedrock, model)
        for region, models in work.models(self.regions).items():
            offered = {each["modelId"]: each for each in seen[f"models {region}"]["modelSummaries"]}
            for model in models:
                self.expect(work.is_alive(offered.get(model)), f"{model} is not offered in {region}")
                ready = work.is_accessible(seen[f"availability {region} {model}"])
                self.expect(ready, f"{model} is not accessible in {region}")

    def await_model(self, bedrock: Any, model: str) -> Any:
        """Wait until the agreement stands."""
        end = time.monotonic() + TRAIL_SECONDS
        while True:
            seen = bedrock.get_foundation_model_availability(modelId=model)
            if work.is_accessible(seen) or time.monotonic() > end:
                return seen
            time.sleep(AGREEMENT_INTERVAL)

    def check_voices(self, seen: Mapping[str, Any]) -> None:
        """See that each region has its voices on its engine."""
        for entry in self.regions.values():
            region = entry["region"]
            there = {voice["Id"] for page in seen[f"voices {region}"] for voice in page["Voices"]}
            wanted = set(entry["voices"]["required"]) or {work.ANY_VOICE}
            self.expect(wanted <= there, f"{region} lacks the voices {sorted(wanted - there)}")

    def check_egress(self, seen: Mapping[str, Any]) -> None:
        """See that HTTPS leaves the host: by its groups, its route and its ACL, and past no endpoint that is shut."""
        network = seen["instance"]
        rules = [rule for group in network["groups"] for rule in group["IpPermissionsEgress"]]
        self.expect(any(map(work.lets_https_out, rules)), "no group lets HTTPS out")
        routes = [route for table in network["routes"] for route in table["Routes"]]
        self.expect(any(map(work.leads_out, routes)), "no route leads out")
        entries = [entry for acl in network["acls"] for entry in acl["Entries"]]
        self.expect(work.acl_lets_https_out(entries), "the ACL lets no HTTPS out")
        shut = [each for each in network["endpoints"] if each["State"].lower() != "available"]
        self.expect(not shut, "an endpoint of the VPC is not available")

    def bring_policy(self, seen: Mapping[str, Any]) -> None:
        """Write the inline policy where it is another one; see that no other statement is a region lock."""
        name, wanted = self.plan["policy_name"], self.plan["policy_document"]
        if work.normal(seen["inline"].get(name, {})) != work.normal(wanted):
            self.aws.client("iam", self.home).put_role_policy(
                RoleName=self.plan["role_name"], PolicyName=name, PolicyDocument=json.dumps(wanted)
            )
        denies = [name for name, document in seen["inline"].items() if work.denies(document)]
        self.expect(not denies, f"{denies} deny")
        self.expect(not seen["attached"]["AttachedPolicies"], "there are managed policies that were not read")

    def bring_file(self, key: str) -> None:
        """Write the two blocks of the environment file where they are others."""
        path = Path(self.plan["environment_path"])
        text = path.read_text(encoding="utf-8")
        blocks = {"environment": work.variables(self.regions, self.plan["default_region"])}
        blocks["smartest_ai"] = {"SMARTEST_AI_API_KEY": key, "SMARTEST_AI_ENDPOINT": self.plan["provider_endpoint"]}
        wanted = work.with_blocks(text, blocks)
        if wanted != text:
            path.write_text(wanted, encoding="utf-8")

    def simulate(self) -> None:
        """Ask for each action, region and resource, and for what must be denied."""
        iam = self.aws.client("iam", self.home)
        arn = f"arn:aws:iam::{self.plan['account_id']}:role/{self.plan['role_name']}"
        asked = work.simulations(self.regions, self.plan["control_region"], self.plan["control_model"])
        answers = self.threads.map(lambda each: iam.simulate_principal_policy(**work.question(arn, each)), asked)
        for simulation, answer in zip(asked, answers, strict=True):
            self.failures += work.simulation_faults(simulation, answer["EvaluationResults"])

    def call(self, secret: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Call everything from the host, as its instance profile, and what must be refused."""
        credentials = host_credentials(self.plan["imds_endpoint"])
        host = Aws(credentials, self.plan["endpoint_url"])
        calls = work.calls(self.regions, self.plan["control_region"], self.plan["control_model"])
        for service, region in sorted({(each["service"], each["region"]) for each in calls}):
            if service in SERVICES:
                host.client(SERVICES[service], region)
        plan = {"endpoint_url": self.plan["endpoint_url"], "ca_bundle": self.plan["ca_bundle"], "timeout": 20}
        provider = self.threads.submit(provider_call.call, plan, self.plan["check_url"], secret["SecretString"])
        made = list(zip(calls, self.threads.map(partial(make_call, host, credentials, plan), calls), strict=True))
        self.judge_calls(made)
        self.expect(provider.result()["status"] == "ok", "the speech provider did not take the key")
        return made

    def judge_calls(self, made: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """See that each call succeeded or was refused as is wanted."""
        for call, result in made:
            as_wanted = result["status"] == ("ok" if call["expectation"] == "allowed" else "refused")
            self.expect(as_wanted, f"{call} came to {result}")

    def check_trail(self, made: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """Find the calls in CloudTrail, and no other denial of the role."""
        by_region: dict[str, dict[str, str]] = {}
        for call, result in made:
            by_region.setdefault(call["region"], {})[result["request_id"]] = call["operation"]
        list(self.threads.map(lambda item: self.check_region_trail(*item), by_region.items()))

    def check_region_trail(self, region: str, awaited: dict[str, str]) -> None:
        """Look up each operation, two look-ups a second, until all calls are there."""
        cloudtrail = self.aws.client("cloudtrail", region)
        missing, end = dict(awaited), time.monotonic() + TRAIL_SECONDS
        made: deque[float] = deque(maxlen=LOOKUPS)
        operations: list[str] = list(work.OPERATIONS)
        while operations and time.monotonic() < end:
            for operation in operations:
                for event in self.events(cloudtrail, operation, made):
                    if work.is_denial_of(event, self.plan["role_name"]) and event["requestID"] not in awaited:
                        self.failures.append(f"{event['eventName']} was denied in {region}")
                    missing.pop(event["requestID"], None)
            operations = [each for each in operations if each in missing.values()]
        self.expect(not missing, f"CloudTrail knows nothing of {sorted(missing.values())} in {region}")

    def events(self, cloudtrail: Any, operation: str, made: deque[float]) -> Iterator[dict[str, Any]]:
        """Give the events of an operation of the last day, at the rate that CloudTrail takes."""
        attribute = [{"AttributeKey": "EventName", "AttributeValue": operation}]
        asked = {"LookupAttributes": attribute, "StartTime": datetime.now(UTC) - timedelta(hours=24)}
        token: dict[str, str] | None = {}
        while token is not None:
            if len(made) == LOOKUPS:
                time.sleep(max(0.0, made[0] + LOOKUP_SECONDS - time.monotonic()))
            made.append(time.monotonic())
            page = cloudtrail.lookup_events(**asked, **token)
            yield from (json.loads(event["CloudTrailEvent"]) for event in page["Events"])
            token = {"NextToken": page["NextToken"]} if page.get("NextToken") else None


SERVICES = {"bedrock": "bedrock-runtime", "polly": "polly"}


def make_call(host: Aws, credentials: ReadOnlyCredentials, plan: Mapping[str, Any], call: Mapping[str, Any]) -> Any:
    """Make one call, and say whether it succeeded or was refused, under which request ID."""
    if call["service"] == "transcribe":
        return transcribe_stream.call(credentials, plan, call)
    client = host.client(SERVICES[call["service"]], call["region"])
    try:
        response = MAKE[call["operation"]](client, call)
    except ClientError as error:
        refused = error.response["Error"]["Code"] == "AccessDeniedException"
        request_id = error.response["ResponseMetadata"]["RequestId"]
        return {"status": "refused" if refused else "failed", "request_id": request_id, "message": str(error)}
    return {"status": "ok", "request_id": response["ResponseMetadata"]["RequestId"]}


def _invoke(client: Any, call: Mapping[str, Any]) -> Any:
    response = client.invoke_model(modelId=call["model_id"], body=bodies.request_body(call["model_id"]))
    bodies.answer_of(response["body"].read())
    return response


def _stream(client: Any, call: Mapping[str, Any]) -> Any:
    response = client.invoke_model_with_response_stream(
        modelId=call["model_id"], body=bodies.request_body(call["model_id"])
    )
    bodies.streamed_answer_of([event["chunk"]["bytes"] for event in response["body"]])
    return response


def _speak(client: Any, call: Mapping[str, Any]) -> Any:
    response = client.synthesize_speech(
        Engine=call["engine"], VoiceId=call["voice"], OutputFormat="mp3", Text=work.SPOKEN
    )
    if not audio.is_speech(response["AudioStream"].read()):
        raise ValueError(f"{call['voice']} did not speak")
    return response


MAKE = {"InvokeModel": _invoke, "InvokeModelWithResponseStream": _stream, "SynthesizeSpeech": _speak}


def _optional(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None


def _metadata(endpoint: str) -> Callable[[str], str]:
    """Ask the metadata service with a token."""
    headers = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = _get(urllib.request.Request(f"{endpoint}/latest/api/token", headers=headers, method="PUT"))  # noqa: S310
    key = {"X-aws-ec2-metadata-token": token}
    return lambda path: _get(urllib.request.Request(f"{endpoint}/latest/{path}", headers=key))  # noqa: S310


def _get(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return str(answer.read().decode())


def host_identity(endpoint: str) -> tuple[Any, Any]:
    """Read who the host is: its identity document, and its instance profile."""
    ask = _metadata(endpoint)
    return json.loads(ask("dynamic/instance-identity/document")), json.loads(ask("meta-data/iam/info"))


def host_credentials(endpoint: str) -> ReadOnlyCredentials:
    """Read the credentials of the host's instance profile."""
    ask = _metadata(endpoint)
    given = json.loads(ask(f"meta-data/iam/security-credentials/{ask('meta-data/iam/security-credentials/')}"))
    return ReadOnlyCredentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"])


def main(path: str) -> int:
    """Run the plan and say how it ended."""
    failures = Floor(json.loads(Path(path).read_text(encoding="utf-8"))).run()
    sys.stdout.write("".join(f"FAIL {failure}\n" for failure in failures) or "PASS\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
