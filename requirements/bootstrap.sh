#!/bin/sh
# Make .venv from a lock file on a machine that has nothing but Python 3.11 and a way to PyPI.
#   bootstrap.sh run    what a pipeline needs
#   bootstrap.sh dev    the same, and what tests and lints need
#   bootstrap.sh serving  what serves models, into .venv-serving: KServe wants other versions of packages than TFX
# Every step is safe to repeat; a killed set-up is simply run again.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
PROFILE=${1:-run}
VENV=.venv
[ "$PROFILE" = serving ] && VENV=.venv-serving
# What an image may bring, as infra/jenkins/agent.Dockerfile does: an environment (venv), uv, and which locks it was made from.
PREPARED=${WEIGHBRIDGE_PREPARED:-}

fail() { printf 'weighbridge set-up: %s\n' "$1" >&2; exit "${2:-2}"; }

# TFX 1.16's wheels load on any glibc and Python 3.11. A newer TFX joins by its lock file alone.
choose_lock() {
    if [ "$PROFILE" = serving ]; then
        python=3.11 lock=requirements/serving-py311.lock
        find_python "$python"
        return
    fi
    for line in 1.16:3.11; do
        python=${line#*:}
        lock="requirements/tfx-${line%%:*}-py$(printf %s "$python" | tr -d .).lock"
        [ -f "$lock" ] && find_python "$python" && return 0
    done
    return 1
}

# Sets PYTHON to an interpreter that really starts as the wanted version (a pyenv shim may not).
find_python() {
    for candidate in "${WEIGHBRIDGE_PYTHON:-}" "python$1" "/usr/bin/python$1" "/usr/local/bin/python$1" \
        "${PYENV_ROOT:-${HOME:-/root}/.pyenv}/versions/$1".*/bin/python python3; do
        [ -n "$candidate" ] || continue
        PYTHON=$("$candidate" -c "import sys; assert '%d.%d' % sys.version_info[:2] == '$1'; print(sys.executable)" 2>/dev/null) \
            && return 0
    done
    return 1
}

# uv goes into .tools, never into the system's packages. Any Python with pip can fetch it.
get_uv() {
    for UV in "$PREPARED/uv-$UV_VERSION/bin/uv" ".tools/uv-$UV_VERSION/bin/uv"; do
        [ -x "$UV" ] && return 0
    done
    rm -rf .tools/staged && mkdir -p .tools
    for candidate in "$PYTHON" python3 "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/3.*/bin/python; do
        if "$candidate" -m pip --version >/dev/null 2>&1; then
            "$candidate" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
                --target .tools/staged "uv==$UV_VERSION" \
                || fail "pip could not fetch uv $UV_VERSION; check the connection to PyPI and run again" 3
            mv .tools/staged ".tools/uv-$UV_VERSION"
            return 0
        fi
    done
    if "$PYTHON" -m venv .tools/venv >/dev/null 2>&1; then
        .tools/venv/bin/pip install --quiet "uv==$UV_VERSION" || fail "pip could not fetch uv $UV_VERSION" 3
        mkdir -p ".tools/uv-$UV_VERSION/bin" && cp .tools/venv/bin/uv "$UV"
        return 0
    fi
    UV=$(command -v uv) || fail "found neither pip nor venv nor uv; install one, e.g. 'apt-get install python3-venv'"
}

# Links the packages of an environment of the same locks: seconds, where installing takes minutes. Programs are copied, to
# find the Python beside them. A link leads to what is not ours to change: for other locks, all are made anew.
take_prepared() {
    [ -n "$PREPARED" ] && [ "$PROFILE" != serving ] || return 0
    locks=$(cat requirements/*.lock | sha256sum)
    [ ! -e "$VENV/.linked" ] || [ "$(cat "$VENV/.linked")" = "$locks" ] || rm -rf "$VENV"
    [ ! -e "$VENV" ] && [ "$(cat "$PREPARED/locks.sha256")" = "$locks" ] || return 0
    site=lib/python$python/site-packages
    rm -rf "$VENV.new" && mkdir -p "$VENV.new/$site" && ln -s lib "$VENV.new/lib64"
    cp -a "$PREPARED/venv/bin" "$PREPARED/venv/pyvenv.cfg" "$VENV.new/"
    # What says that a package is there must be a folder: uv follows no link to it.
    cp -a "$PREPARED/venv/$site/"*.dist-info "$VENV.new/$site/"
    find "$PREPARED/venv/$site" -mindepth 1 -maxdepth 1 ! -name '*.dist-info' -exec ln -s -t "$VENV.new/$site" {} +
    printf '%s\n' "$locks" > "$VENV.new/.linked"
    mv "$VENV.new" "$VENV"
}

choose_lock || fail "needs Python 3.11 (looked on PATH, in /usr/bin, /usr/local/bin and pyenv's versions).
  Install it ('apt-get install python3.11', 'pyenv install 3.11') or name it: WEIGHBRIDGE_PYTHON=/path/to/python3.11 make run"
get_uv
take_prepared

if ! "$VENV/bin/python" -c "import sys; assert '%d.%d' % sys.version_info[:2] == '$python'" 2>/dev/null; then
    "$UV" venv --quiet --clear --python "$PYTHON" "$VENV"
fi

locks="-r $lock"
[ "$PROFILE" = dev ] && locks="$locks -r requirements/dev-py$(printf %s "$python" | tr -d .).lock"
echo "weighbridge set-up: installing $lock ($PROFILE) into $VENV"
# Compiled bytecode makes the imports of every later command about three times cheaper. The system's certificates: a
# company's own authority may sign what reaches PyPI.
# shellcheck disable=SC2086  # the list of locks is meant to be split
VIRTUAL_ENV=$VENV "$UV" pip install --quiet --system-certs --compile-bytecode --require-hashes $locks \
    || fail "could not install $lock; check the connection to PyPI and run again" 3
VIRTUAL_ENV=$VENV "$UV" pip install --quiet --no-deps --no-build-isolation --editable . \
    || fail "could not install weighbridge itself" 3
touch "$VENV/.ready-$PROFILE"
[ "$PROFILE" = dev ] && touch "$VENV/.ready-run"
exit 0
