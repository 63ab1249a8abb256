#!/bin/sh
# Compile requirements/*.txt from setup.cfg: all versions pinned, all hashes. `UPGRADE=1 make lock` takes newer versions.
set -eu
cd "$(dirname "$0")/.."

if ! [ -x .venv/uv/bin/uv ]; then
    .venv/bin/python -m venv .venv/uv
    .venv/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
fi

compile() { # output, further arguments
    out=$1
    shift
    .venv/uv/bin/uv pip compile setup.cfg --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --output-file "requirements/$out" "$@" >/dev/null
}

compile dev.txt --extra kafka --extra embedded --extra gates --extra test ${UPGRADE:+--upgrade}
# What is deployed is what was tested: the same versions.
compile base.txt --constraint requirements/dev.txt
compile kafka.txt --constraint requirements/dev.txt --extra kafka
# What only the nightly gates need, beside dev.txt.
compile nightly.txt --constraint requirements/dev.txt --extra nightly
