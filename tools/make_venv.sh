#!/usr/bin/env bash
# Makes an environment when there is none that works, and installs this distribution into it, editable.
#   tools/make_venv.sh EXTRAS [ENVIRONMENT [PIP-OPTION...]]
# EXTRAS as pip wants them: dev, or pandas,sklearn. Without ENVIRONMENT it is .venv.
# PYTHON names the interpreter to use; without it the first suitable one of the PATH is taken.
set -eu
cd "$(dirname "$0")/.."
extras=$1
venv=${2:-.venv}
shift $(($# < 2 ? $# : 2))

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
  local candidate without_ensurepip=
  for candidate in ${PYTHON:-python3 python python3.14 python3.13 python3.12 python3.11 python3.10}; do
    new_enough "$candidate" || continue
    if "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
    without_ensurepip=${without_ensurepip:-$candidate}
  done
  if [ -n "$without_ensurepip" ]; then
    echo "$without_ensurepip cannot make virtual environments: it has no ensurepip." >&2
    echo "On Debian and Ubuntu install the package python3-venv, or name another Python: make PYTHON=/path/to/python" >&2
  else
    echo "Argosy needs Python 3.10 or newer; ${PYTHON:-none of the Pythons on the PATH} is not." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python" >&2
  fi
  exit 1
}

# An environment whose Python is gone or whose pip is missing is of no use to anybody.
if ! { new_enough $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; }; then
  python=$(find_python)
  echo "making $venv with $("$python" --version)"
  "$python" -m venv --clear $venv
fi
echo "installing argosy[$extras] into $venv"
$venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" --editable ".[$extras]"
