# Sourced by the commands beside it: makes .venv with the pinned packages, once.
# A second call costs a comparison of two files.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What the environment is made from; where it changes, the environment is brought up to date.
stamp=.venv/installed
wanted=$(cat scripts/requirements.lock pyproject.toml)

find_python() {
  local python
  for python in ${PYTHON:-} python3.12 python3.11 python3 python; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
        2>/dev/null; then
      echo "$python"
      return
    fi
  done
  echo "ganlab needs Python 3.11 or 3.12 with venv; found: $(python3 --version 2>&1 || true)." \
    "Install it, or name it: PYTHON=/path/to/python3.12 $0" >&2
  return 1
}

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  python=$(find_python)
  echo "Setting up .venv with $("$python" --version) (once, a few minutes) ..." >&2
  # A folder that was moved here, or a Python that is gone, cannot be mended.
  if [ -d .venv ] && ! .venv/bin/python -m pip --version >/dev/null 2>&1; then rm -rf .venv; fi
  [ -d .venv ] || "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement scripts/requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  printf '%s\n' "$wanted" >"$stamp"
fi
