#!/usr/bin/env bash
# Phase 2 as a runbook of AWS CLI calls, in the order of the requirements: look, change what is missing, prove.
# The operator's credentials come from the environment. The host is this machine: its calls are made with the
# credentials of its instance profile.
#   ACCOUNT_ID ROLE_NAME INSTANCE_ID POLICY_FILE ENVIRONMENT_FILE CHECK_URL IMDS_ENDPOINT PLAN PYTHON
set -uf
export AWS_PAGER="" AWS_MAX_ATTEMPTS=3
POLICY_NAME=SafeSecretsMultiRegion
ROLE_ARN="arn:aws:iam::$ACCOUNT_ID:role/$ROLE_NAME"
ENDPOINT=https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech
HAIKU=anthropic.claude-3-haiku-20240307-v1:0
SONNET=anthropic.claude-3-sonnet-20240229-v1:0
CONTROL_REGION=us-west-2
CONTROL_MODEL=meta.llama3-8b-instruct-v1:0
MESSAGE='{"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}'
FORM='{"companyName": "SafeSecrets", "companyWebsite": "https://safesecrets.example", "intendedUsers": "0",
  "industryOption": "Technology", "otherIndustryOption": "", "useCases": "A voice assistant."}'
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
STARTED=$(date -u -d '24 hours ago' +%Y-%m-%dT%H:%M:%SZ)
FAILED=0

fail() { echo "FAIL $*"; FAILED=1; }
expect() { [ "$1" = "$2" ] || fail "$3: $1 instead of $2"; }
text() { aws --output text "$@"; }
arn() { echo "arn:aws:bedrock:$1::foundation-model/$2"; }

# What the host does is done with its own credentials, which the CLI fetches from the metadata service.
on_host() {
  env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_EC2_METADATA_SERVICE_ENDPOINT="$IMDS_ENDPOINT" "$@"
}

account_and_role() {
  expect "$(text sts get-caller-identity --query Account)" "$ACCOUNT_ID" "account"
  expect "$(text iam get-role --role-name "$ROLE_NAME" --query Role.Arn)" "$ROLE_ARN" "role"
  local token
  token=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$IMDS_ENDPOINT/latest/api/token")
  metadata() { curl -sS -H "X-aws-ec2-metadata-token: $token" "$IMDS_ENDPOINT/latest/$1"; }
  expect "$(metadata meta-data/instance-id)" "$INSTANCE_ID" "instance"
  metadata meta-data/iam/info | grep -q "/$ROLE_NAME\"" || fail "the host's instance profile is another one"
}

availability() {
  text bedrock get-foundation-model-availability --region "$1" --model-id "$2" --query \
    '[agreementAvailability.status, authorizationStatus, entitlementAvailability, regionAvailability]'
}

model_access() { # INFRA-P2-2
  local region model offered seen form=unknown ready=$'AVAILABLE\tAUTHORIZED\tAVAILABLE\tAVAILABLE'
  for region in ca-central-1 us-east-1; do
    offered=$(text bedrock list-foundation-models --region "$region" --by-provider Anthropic --query \
      "modelSummaries[?modelLifecycle.status=='ACTIVE' && contains(inferenceTypesSupported, 'ON_DEMAND')].modelId")
    for model in $HAIKU $SONNET; do
      [[ $'\t'$offered$'\t' == *$'\t'$model$'\t'* ]] || fail "$region does not offer $model"
      seen=$(availability "$region" $model)
      if [[ $seen == NOT_AVAILABLE* ]]; then
        if [ $form = unknown ]; then
          text bedrock get-use-case-for-model-access >/dev/null 2>&1 \
            || text bedrock put-use-case-for-model-access --form-data "$FORM"
          form=there
        fi
        offer=$(text bedrock list-foundation-model-agreement-offers --region "$region" --model-id $model \
          --query 'offers[0].offerToken')
        text bedrock create-foundation-model-agreement --region "$region" --model-id $model \
          --offer-token "$offer" >/dev/null
        for _ in $(seq 60); do
          seen=$(availability "$region" $model)
          [ "$seen" = "$ready" ] && break
          sleep 1
        done
      fi
      expect "$seen" "$ready" "$model in $region"
    done
  done
}

role_policy() { # INFRA-P2-1
  local names name
  names=$(text iam list-role-policies --role-name "$ROLE_NAME" --query PolicyNames)
  expect "$(text iam list-attached-role-policies --role-name "$ROLE_NAME" --query AttachedPolicies)" "" "managed policies"
  for name in $names; do
    aws iam get-role-policy --role-name "$ROLE_NAME" --policy-name "$name" --query PolicyDocument --output json \
      >"$WORK/$name.json"
    grep -q '"Deny"' "$WORK/$name.json" && fail "the policy $name denies something"
  done
  if ! diff -q <(jq -S . "$POLICY_FILE") <(jq -S . "$WORK/$POLICY_NAME.json" 2>/dev/null) >/dev/null; then
    text iam put-role-policy --role-name "$ROLE_NAME" --policy-name $POLICY_NAME --policy-document "file://$POLICY_FILE"
  fi
}

simulate() { # region, decisions wanted, resources, actions
  local decided
  # shellcheck disable=SC2086
  decided=$(text iam simulate-principal-policy --policy-source-arn "$ROLE_ARN" --resource-arns $3 --action-names $4 \
    --context-entries "ContextKeyName=aws:RequestedRegion,ContextKeyValues=$1,ContextKeyType=string" \
    "ContextKeyName=aws:SecureTransport,ContextKeyValues=true,ContextKeyType=boolean" \
    --query 'EvaluationResults[].[ResourceSpecificResults[].EvalResourceDecision || [EvalDecision]] | [] | []')
  expect "${decided//$'\t'/ }" "$2" "simulation of $4 in $1"
}

simulations() {
  local region invoke="bedrock:InvokeModel bedrock:InvokeModelWithResponseStream"
  local speak="polly:SynthesizeSpeech transcribe:StartStreamTranscription" mixed="allowed allowed implicitDeny"
  for region in ca-central-1 us-east-1; do
    simulate $region "$mixed $mixed" "$(arn $region $HAIKU) $(arn $region $SONNET) $(arn $region $CONTROL_MODEL)" "$invoke"
    simulate $region "allowed allowed" "*" "$speak"
  done
  simulate $CONTROL_REGION "implicitDeny implicitDeny" "$(arn $CONTROL_REGION $HAIKU)" "$invoke"
  simulate $CONTROL_REGION "implicitDeny implicitDeny" "*" "$speak"
}

voices() { # INFRA-P2-3
  local there voice
  there=" $(text polly describe-voices --region us-east-1 --engine generative --query 'Voices[].Id' | tr '\t\n' '  ') "
  for voice in Ruth Matthew Joanna; do
    [[ $there == *" $voice "* ]] || fail "us-east-1 lacks the generative voice $voice"
  done
  there=" $(text polly describe-voices --region ca-central-1 --engine neural --query 'Voices[].Id' | tr '\t\n' '  ') "
  [[ $there == *" Joanna "* ]] || fail "ca-central-1 lacks the neural voice Joanna"
}

block() { # name; the lines on standard input
  echo "# BEGIN safesecrets.infra $1"
  echo "# Written by Ansible: what stands between the markers is overwritten."
  cat
  echo "# END safesecrets.infra $1"
}

environment_file() { # INFRA-P2-5 and INFRA-P2-6
  SECRET=$(text secretsmanager get-secret-value --secret-id safesecrets/smartest-ai --query SecretString)
  {
    sed '/^# BEGIN safesecrets.infra /,/^# END safesecrets.infra /d' "$ENVIRONMENT_FILE"
    block environment <<END
AWS_REGION_DEFAULT=ca-central-1
AWS_REGION_CANADA=ca-central-1
AWS_REGION_USA=us-east-1
BEDROCK_MODEL_ID_CA=$HAIKU
BEDROCK_MODEL_ID_US=$HAIKU
BEDROCK_MODEL_ALLOWLIST_CA=$HAIKU,$SONNET
BEDROCK_MODEL_ALLOWLIST_US=$HAIKU,$SONNET
POLLY_REGION_CA=ca-central-1
POLLY_REGION_US=us-east-1
TRANSCRIBE_REGION_CA=ca-central-1
TRANSCRIBE_REGION_US=us-east-1
END
    block smartest_ai <<END
SMARTEST_AI_API_KEY=$SECRET
SMARTEST_AI_ENDPOINT=$ENDPOINT
END
  } >"$WORK/environment"
  cmp -s "$WORK/environment" "$ENVIRONMENT_FILE" || cat "$WORK/environment" >"$ENVIRONMENT_FILE"
  # The key goes in by standard input: an argument would show it to every user of the machine.
  curl -sSf --cacert "$AWS_CA_BUNDLE" -H @- "$CHECK_URL" >/dev/null <<<"Authorization: Bearer $SECRET" \
    || fail "the speech provider did not take the key"
}

egress() { # INFRA-P2-4
  local vpc subnet groups
  read -r vpc subnet groups < <(text ec2 describe-instances --instance-ids "$INSTANCE_ID" --query \
    'Reservations[0].Instances[0].[VpcId, SubnetId, join(` `, NetworkInterfaces[].Groups[].GroupId)]')
  # shellcheck disable=SC2086
  text ec2 describe-security-groups --group-ids $groups --query \
    "SecurityGroups[].IpPermissionsEgress[?IpProtocol=='-1' || (FromPort<=\`443\` && ToPort>=\`443\`)][].IpRanges[].CidrIp" \
    | grep -qw 0.0.0.0/0 || fail "no group lets HTTPS out"
  text ec2 describe-route-tables --filters "Name=vpc-id,Values=$vpc" --query \
    "RouteTables[].Routes[?DestinationCidrBlock=='0.0.0.0/0' && State=='active'][].[NatGatewayId, GatewayId]" \
    | grep -qE 'nat-|igw-' || fail "no route leads out"
  text ec2 describe-network-acls --filters "Name=association.subnet-id,Values=$subnet" --query \
    "NetworkAcls[].Entries[?Egress] | [] | sort_by(@, &RuleNumber)[0].RuleAction" | grep -qx allow || fail "the ACL lets nothing out"
  expect "$(text ec2 describe-vpc-endpoints --filters "Name=vpc-id,Values=$vpc" --query \
    "VpcEndpoints[?State!='available'].VpcEndpointId")" "" "endpoints that are shut"
}

succeeds() { on_host aws "$@" >"$WORK/said" 2>&1 || fail "$* came to $(tail -1 "$WORK/said")"; }
is_refused() {
  on_host aws "$@" >"$WORK/said" 2>&1
  grep -q AccessDenied "$WORK/said" || fail "$* was not refused: $(tail -1 "$WORK/said")"
}
speech() { echo polly synthesize-speech --text Ready. --output-format mp3 --region "$1" --engine "$2" --voice-id "$3" "$WORK/out"; }
is_mp3() { [ "$(head -c 2 "$WORK/out" | od -An -tx1 | tr -d ' ')" = fff3 ] || fail "$1 did not speak"; }

calls_from_host() {
  local region model voice
  for region in ca-central-1 us-east-1; do
    for model in $HAIKU $SONNET; do
      succeeds bedrock-runtime invoke-model --region $region --model-id $model --body "$MESSAGE" "$WORK/out"
      grep -q '"content"' "$WORK/out" || fail "$model in $region gave no answer"
    done
    is_refused bedrock-runtime invoke-model --region $region --model-id $CONTROL_MODEL \
      --body '{"prompt": "Hi", "max_gen_len": 1}' "$WORK/out"
  done
  is_refused bedrock-runtime invoke-model --region $CONTROL_REGION --model-id $HAIKU --body "$MESSAGE" "$WORK/out"
  # shellcheck disable=SC2046
  {
    succeeds $(speech ca-central-1 neural Joanna); is_mp3 Joanna
    for voice in Ruth Matthew Joanna; do succeeds $(speech us-east-1 generative $voice); is_mp3 $voice; done
    is_refused $(speech $CONTROL_REGION neural Joanna)
  }
  # The CLI has no command for streams.
  on_host "$PYTHON" -m benchmarks.streams "$PLAN" || fail "a stream came to something else"
}

events() { # region, operation: one line an event of the role
  text cloudtrail lookup-events --region "$1" --lookup-attributes "AttributeKey=EventName,AttributeValue=$2" \
    --start-time "$STARTED" --query 'Events[].[CloudTrailEvent]' | grep -F "\"arn\": \"$ROLE_ARN\"" || true
}

trail() { # region, operation, number of good calls, number of denials
  local seen good denied
  for _ in $(seq 30); do
    seen=$(events "$1" "$2")
    denied=$(grep -c '"errorCode"' <<<"$seen")
    good=$(($(grep -c . <<<"$seen") - denied))
    [ "$good" -ge "$3" ] && [ "$denied" -ge "$4" ] && break
    sleep 1
  done
  expect "$good $denied" "$3 $4" "CloudTrail's calls and denials of $2 in $1"
}

cloudtrail() {
  trail ca-central-1 InvokeModel 2 1
  trail ca-central-1 InvokeModelWithResponseStream 2 0
  trail ca-central-1 SynthesizeSpeech 1 0
  trail ca-central-1 StartStreamTranscription 1 0
  trail us-east-1 InvokeModel 2 1
  trail us-east-1 InvokeModelWithResponseStream 2 0
  trail us-east-1 SynthesizeSpeech 3 0
  trail us-east-1 StartStreamTranscription 1 0
  trail $CONTROL_REGION InvokeModel 0 1
  trail $CONTROL_REGION InvokeModelWithResponseStream 0 1
  trail $CONTROL_REGION SynthesizeSpeech 0 1
  trail $CONTROL_REGION StartStreamTranscription 0 1
}

account_and_role
model_access
role_policy
simulations
voices
environment_file
egress
calls_from_host
cloudtrail
[ $FAILED = 0 ] && echo PASS
exit $FAILED
