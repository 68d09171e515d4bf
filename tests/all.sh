#!/usr/bin/env bash
# Runs every part of the test suite, even after a failure, and ends with the plain line `N passed, N failed`.
# Not one part is optional: a missing tool is a failure.
set -uo pipefail
cd "$(dirname "$0")/.."

passed=0
failed=()
for part in check-web check-rust deny test-rust test-rust-client test-js test-apps test-browser test-python; do
  printf '\n== %s\n' "$part"
  started=$SECONDS
  # A part that is stuck fails instead of holding up the rest; the longest takes eight minutes on two cores.
  if timeout --kill-after=30 1500 make --no-print-directory "$part"; then
    passed=$((passed + 1))
  else
    failed+=("$part")
  fi
  printf '== %s took %d s\n' "$part" $((SECONDS - started))
done

printf '\n'
for part in ${failed[@]+"${failed[@]}"}; do printf 'failed: %s\n' "$part"; done
printf '%d passed, %d failed\n' "$passed" "${#failed[@]}"
[ "${#failed[@]}" -eq 0 ]
