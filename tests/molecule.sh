#!/usr/bin/env bash
# Runs all scenarios of molecule/, two at a time, and shows the output of those that fail.
#
# Arguments name scenarios: tests/molecule.sh iam_policy egress
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
# Compiled modules are kept: every task of a run starts a Python.
unset PYTHONDONTWRITEBYTECODE
export NO_COLOR=1

# No credential of the person's reaches the scenarios.
for variable in "${!AWS_@}"; do unset "$variable"; done

# Molecule's state and the labs, apart from what a person does by hand and from other runs.
mkdir -p .cache
ANSIBLE_HOME=$(mktemp --directory "$PWD/.cache/molecule.XXXXXX")
export ANSIBLE_HOME
scenarios=
clean_up() {
  # Where this was interrupted, molecule goes first: it would start labs again.
  [ -z "$scenarios" ] || ! kill -- "-$scenarios" 2>/dev/null || wait "$scenarios" || true
  find "$ANSIBLE_HOME" -name lab.pid -printf '%h\n' | while read -r lab; do
    python -m lab down --lab-dir "$lab" || true
  done
  rm -rf "$ANSIBLE_HOME"
}
trap clean_up EXIT

run_scenario() {
  local started=$SECONDS log=$ANSIBLE_HOME/$1.log
  if molecule --base-config .config/molecule/config.yml test --no-command-borders --scenario-name "$1" \
    </dev/null >"$log" 2>&1; then
    echo "passed  $1 ($((SECONDS - started)) s)"
  else
    cat "$log"
    echo "FAILED  $1 ($((SECONDS - started)) s)"
    return 1
  fi
}
export -f run_scenario

if [ $# -eq 0 ]; then
  for file in molecule/*/molecule.yml; do
    scenario=$(basename "$(dirname "$file")")
    if [ "$(id -u)" -ne 0 ] && grep --quiet -- --host "molecule/$scenario/vars.yml"; then
      echo "left out  $scenario (its host needs root)"
    else
      set -- "$@" "$scenario"
    fi
  done
fi
setsid xargs --max-procs 2 --replace bash -c 'run_scenario "$1"' run_scenario {} < <(printf '%s\n' "$@") &
scenarios=$!
wait "$scenarios"
echo "$# scenarios passed."
