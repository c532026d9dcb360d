#!/bin/sh
# Prove that everything installs from wheels, on every processor and Python that is promised: each pin
# of requirements/package.txt, by its hash, without building anything. Needs uv and an index; nothing is
# installed.
#   make prove-wheels
set -eu
cd "$(dirname "$0")/.."
for machine in aarch64 x86_64; do
    for python in 3.11 3.12 3.13; do
        uv pip install --quiet --dry-run --no-deps --only-binary :all: --require-hashes \
            --python-platform "$machine-manylinux_2_28" --python-version "$python" \
            --target "build/no-wheels" -r requirements/package.txt ||
            { echo "NOT PROVED: Python $python on $machine"; exit 1; }
        echo "every pin has its wheel: Python $python on $machine"
    done
done
