#!/bin/sh
# Sets up everything that the workbook needs in this checkout; quick where it is there already.
#   scripts/setup.sh        for `make lab`
#   scripts/setup.sh test   also what the tests need: a browser, SSH, certificates
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# Debian packages, only where a command is missing and they can be installed.
debian() { # debian COMMAND PACKAGE...
    command -v "$1" >/dev/null 2>&1 && return 0
    missing=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "The program $missing is missing. On Debian or Ubuntu: sudo apt-get install $*"
        return 1
    fi
    say "Installing $* …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
        apt-get update -qq >/dev/null
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    }
}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.13 python3.12 python3.11 python3 python3.14; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    say "Python 3.11 or later is missing. Install it, or name it: make lab PYTHON=/path/to/python3"
    exit 3
fi

# The virtual environment is exactly what the lock file says, hash by hash.
stamp=.venv/.workbook-setup
want=$(cat requirements.lock scripts/uv.lock pyproject.toml | sha256sum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || [ ! -x .venv/bin/workbook ]; then
    say "Setting up the virtual environment …"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        debian no-such-command "$version-venv"
    fi
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r scripts/uv.lock
    # The system's certificates, so that a TLS-inspecting proxy is no obstacle.
    export UV_SYSTEM_CERTS=1 UV_PYTHON=.venv/bin/python
    .venv/bin/uv pip sync --quiet --require-hashes requirements.lock scripts/uv.lock
    .venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
    # No question about news from the network over the first notebook.
    mkdir -p .venv/etc/jupyter/labconfig
    printf '%s\n' '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' \
        >.venv/etc/jupyter/labconfig/page_config.json
    printf '%s' "$want" >"$stamp"
fi

# Without an engine in reach, root gets a private one; it is unpacked by mmdebstrap.
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && [ -z "${DOCKER_HOST:-}" ] &&
    [ ! -S /var/run/docker.sock ] && command -v apt-get >/dev/null 2>&1; then
    debian mmdebstrap mmdebstrap debian-archive-keyring
fi

if [ "${1:-}" = test ]; then
    command -v google-chrome >/dev/null 2>&1 || debian chromium chromium
    # Engines of other releases, over TLS and SSH; without root those tests are left out.
    if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then
        debian mmdebstrap mmdebstrap debian-archive-keyring
        debian ssh openssh-client
        debian openssl openssl
    fi
fi
