# Sourced by the commands beside it: makes .venv with the pinned packages, once.
# A second call costs a comparison of two files.
#   PYTHON=/path/to/python3.14   another Python than the first one found
#   VENV=build/venv              another folder than .venv

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${VENV:-.venv}
# What the environment is made from; when it changes, the environment is brought up to date.
stamp=$venv/installed
wanted=$(cat scripts/requirements.lock pyproject.toml)

# Pythons of the PATH, as it is set up, and then those that version managers keep beside it, newest first.
pythons() {
  printf '%s\n' python3 python3.14 python3.13 python3.12 python3.11 python
  printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python3 \
    "${ASDF_DATA_DIR:-$HOME/.asdf}"/installs/python/3.*/bin/python3 \
    "${MISE_DATA_DIR:-$HOME/.local/share/mise}"/installs/python/3.*/bin/python3 \
    "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/cpython-3.*/bin/python3 | sort --version-sort --reverse
}

is_good() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

version_of() {
  "$1" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null
}

find_python() {
  local python
  if [ -n "${PYTHON:-}" ]; then
    if is_good "$PYTHON"; then echo "$PYTHON"; return; fi
    echo "PYTHON=$PYTHON is not a Python of 3.11 or newer with venv; name another, or leave PYTHON out." >&2
    return 1
  fi
  while read -r python; do
    if is_good "$python"; then echo "$python"; return; fi
  done < <(pythons)
  echo "ganlab needs Python 3.11 or newer with venv; found: $(python3 --version 2>&1 || true)." \
    "Install one, or name it: PYTHON=/path/to/python3.12 $0" >&2
  return 1
}

# The newest good Python of this machine, by its version, wherever it is.
newest_python() {
  local python
  while read -r python; do
    if is_good "$python"; then echo "$(version_of "$python") $python"; fi
  done < <(pythons) | sort --version-sort | tail -1 | cut -d' ' -f2
}

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ] ||
    { [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of "$venv/bin/python")" ]; }; then
  python=$(find_python)
  echo "Setting up $venv with $("$python" --version) (once, a few minutes) ..." >&2
  # A folder that was moved here, or one whose Python is gone or is not the one asked for, cannot be repaired.
  if [ -d "$venv" ] && { ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 ||
      { [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of "$venv/bin/python")" ]; }; }; then
    rm -rf "$venv"
  fi
  [ -d "$venv" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement scripts/requirements.lock
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  printf '%s\n' "$wanted" >"$stamp"
fi
