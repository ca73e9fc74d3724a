#!/usr/bin/env bash
# Fills the corpora with the golden streams: bash fuzz/seed.sh
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/gob_decode corpus/gob_roundtrip corpus/netrpc_server
# The few large ones would only slow the fuzzer down.
find ../compat/gob/tests/golden -maxdepth 1 -name '*.gob' -size -16k -exec cp -t corpus/gob_decode {} +
find ../compat/gob/tests/golden -maxdepth 1 \( -name '*.c2s.gob' -o -name '*.s2c.gob' \) -size -16k \
    -exec cp -t corpus/netrpc_server {} +
echo "corpus/gob_decode: $(find corpus/gob_decode -type f | wc -l) files"
echo "corpus/netrpc_server: $(find corpus/netrpc_server -type f | wc -l) files"
