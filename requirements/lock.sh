#!/bin/sh
# Resolve the .in files into fully pinned lock files, hashes included.
set -eu
cd "$(dirname "$0")"
uv=$(ls ../.tools/uv-*/bin/uv | tail -n 1)
compile() { "$uv" pip compile --quiet --python-version 3.11 --generate-hashes --no-header "$@"; }
compile tfx-1.16.in -o tfx-1.16-py311.lock
compile -c tfx-1.16-py311.lock dev.in -o dev-py311.lock
compile serving.in -o serving-py311.lock
