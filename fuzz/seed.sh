#!/usr/bin/env bash
# Fills the corpora with the golden streams: bash fuzz/seed.sh
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/gob_decode corpus/gob_roundtrip
# The few large ones would only slow the fuzzer down.
find ../compat/gob/tests/golden -maxdepth 1 -name '*.gob' -size -16k -exec cp -t corpus/gob_decode {} +
echo "corpus/gob_decode: $(find corpus/gob_decode -type f | wc -l) files"
