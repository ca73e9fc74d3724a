#!/usr/bin/env bash
# Fills the corpora with the golden streams, and with executables and responses made by hand: bash fuzz/seed.sh
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p corpus/gob_decode corpus/gob_roundtrip corpus/netrpc_server corpus/executable_read corpus/http_response
# The few large ones would only slow the fuzzer down.
find ../compat/gob/tests/golden -maxdepth 1 -name '*.gob' -size -16k -exec cp -t corpus/gob_decode {} +
find ../compat/gob/tests/golden -maxdepth 1 \( -name '*.c2s.gob' -o -name '*.s2c.gob' \) -size -16k \
    -exec cp -t corpus/netrpc_server {} +
echo "corpus/gob_decode: $(find corpus/gob_decode -type f | wc -l) files"
echo "corpus/netrpc_server: $(find corpus/netrpc_server -type f | wc -l) files"
# One for each branch, from the tests.
GO1X_CORPUS=$PWD/corpus/executable_read cargo test --quiet --manifest-path ../Cargo.toml -p go1x-executable --test hostile \
    cut_anywhere >/dev/null
echo "corpus/executable_read: $(find corpus/executable_read -type f | wc -l) files"
# One for each framing; the first byte is how they are cut.
number=0
for rest in 'Content-Length: 5\r\n\r\n"abc"' 'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n"abc"\r\n0\r\nTrailer: x\r\n\r\n' \
    'Connection: close\r\n\r\n"abc"'; do
    # shellcheck disable=SC2059 # it is a format: it has escapes in it
    printf "\x02HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-1\r\n$rest" >"corpus/http_response/$((number += 1))"
done
echo "corpus/http_response: $(find corpus/http_response -type f | wc -l) files"
