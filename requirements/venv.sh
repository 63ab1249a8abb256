#!/bin/sh
# Make .venv what requirements/dev.txt and setup.cfg say, or do nothing when it is that already.
set -eu
cd "$(dirname "$0")/.."
unset PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

# Left by a build in this folder; Python would believe it, and not what is installed, about which plugins and commands there are.
rm -rf playhall.egg-info

stamp=.venv/playhall-installed
# The path is part of it: an editable install and the scripts' first lines hold it.
want="$(pwd) $(cat requirements/dev.txt setup.cfg setup.py pyproject.toml requirements/venv.sh | cksum)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
    exit 0
fi

is_python() { # command, lowest minor version, first minor version that is too new
    "$1" -c "import sys, ensurepip, venv; sys.exit(not (3, $2) <= sys.version_info[:2] < (3, $3))" >/dev/null 2>&1
}

find_python() { # lowest minor version, first minor version that is too new
    for name in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.14 python}; do
        if is_python "$name" "$1" "$2"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

choose_python() {
    if command -v redis-server || command -v valkey-server || [ -n "${REDIS_URL:-}" ]; then
        find_python 11 100
        return
    fi >/dev/null
    # Only for these is there a wheel with a Redis server.
    find_python 11 13 || find_python 11 100
}

if ! is_python .venv/bin/python 11 100 || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! python="$(choose_python)"; then
        echo "Playhall needs Python 3.11 or newer with its venv module, and none is on the path:" >&2
        echo "${PYTHON:-python3} is $(${PYTHON:-python3} --version 2>&1 || echo missing)." >&2
        echo "Install python3.12 (on Debian and Ubuntu also python3.12-venv), or name one: make PYTHON=/path/to/python3.12" >&2
        exit 1
    fi
    echo "Making .venv with $("$python" --version) ..."
    "$python" -m venv --clear .venv
fi

echo "Installing what requirements/dev.txt pins into .venv (once; about a minute) ..."
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet --no-input "$@"; }
if ! pip install --require-hashes -r requirements/dev.txt; then
    echo "The libraries could not be installed; what pip says about it is above." >&2
    echo "It needs the network once, or PIP_INDEX_URL set to a mirror. Then type the same again; nothing has to be undone." >&2
    exit 1
fi
pip install --no-deps --no-build-isolation -e .
echo "$want" >"$stamp"
