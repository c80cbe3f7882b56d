#!/usr/bin/env bash
# Runs all scenarios of molecule/, two at a time, and shows the output of those that fail.
#
# Arguments name scenarios: tests/molecule.sh iam_policy egress
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH

# No credential of the person's reaches the scenarios.
for variable in "${!AWS_@}"; do unset "$variable"; done

# Molecule's state, apart from what a person does by hand and from other checkouts.
export ANSIBLE_HOME=$PWD/.cache/ansible
export NO_COLOR=1
logs=$PWD/.cache/molecule-logs
rm -rf "$ANSIBLE_HOME" "$logs"
mkdir -p "$logs"

stop_labs() {
  for lab in .cache/molecule/*/lab.pid; do
    [ ! -e "$lab" ] || python -m lab down --lab-dir "$(dirname "$lab")"
  done
}
trap stop_labs EXIT
stop_labs

run_scenario() {
  local started=$SECONDS
  if molecule --base-config .config/molecule/config.yml test --no-command-borders --scenario-name "$1" \
    </dev/null >"$2/$1.log" 2>&1; then
    echo "passed  $1 ($((SECONDS - started)) s)"
  else
    cat "$2/$1.log"
    echo "FAILED  $1 ($((SECONDS - started)) s)"
    return 1
  fi
}
export -f run_scenario

if [ $# -eq 0 ]; then
  set -- molecule/*/molecule.yml
  set -- "${@%/molecule.yml}"
  set -- "${@#molecule/}"
fi
printf '%s\n' "$@" | xargs --max-procs 2 --replace bash -c 'run_scenario "$1" "$2"' run_scenario {} "$logs"
echo "$# scenarios passed."
