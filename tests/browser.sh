#!/usr/bin/env bash
# Sees to it that there is a browser for the tests: the one that is there, else Debian's chromium where it may be installed.
set -uo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$name" >/dev/null && exit 0
done
[ -n "${CHROME_PATH:-}" ] && [ -x "$CHROME_PATH" ] && exit 0

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  "${sudo[@]}" apt-get update -qq && "${sudo[@]}" apt-get install -qq -y --no-install-recommends chromium >/dev/null && exit 0
fi
echo "A browser is needed to test the pages: install Chromium (or set CHROME_PATH to a Chrome's program) and run this again." >&2
exit 1
