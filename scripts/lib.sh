# shellcheck shell=bash
# What the scripts share. Source it; it moves to the top of the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p .cache

say() { printf '%s\n' "$*" >&2; }

die() {
    say "consigne: $*"
    exit 1
}

# quietly WHAT COMMAND…: run a command, show what it wrote only if it fails.
quietly() {
    local what=$1 log status=0
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if ((status != 0)); then
        cat "$log" >&2
        say "consigne: $what failed (exit $status), see above"
    fi
    rm -f "$log"
    return "$status"
}

# fingerprint FILE…: one hash for the content of some files and the place of the checkout.
fingerprint() { { pwd && cat "$@"; } | sha256sum | cut -d ' ' -f 1; }

# is_stamped STAMP VALUE: whether the work that STAMP stands for was done for this VALUE.
is_stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() { ((EUID == 0)) || { command -v sudo && sudo -n true; } >/dev/null 2>&1; }

# apt_install WHY PACKAGE…: install Debian packages, or say in one sentence what to install.
apt_install() {
    local why=$1
    shift
    command -v apt-get >/dev/null || die "$why is missing: install the equivalent of Debian's $*."
    can_be_root || die "$why is missing: install it with 'sudo apt-get install $*' and run this again."
    say "Installing $why: $* …"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Options::=--force-confold)
    as_root "${apt[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 </dev/null && return
    quietly "apt-get update" as_root "${apt[@]}" update
    quietly "apt-get install $*" as_root "${apt[@]}" install --no-install-recommends "$@"
}

# Whether text can be read from scans: the engine with French, English and page orientation.
has_tesseract() {
    local known
    known=$(tesseract --list-langs 2>/dev/null) || return 1
    [[ $known == *eng* && $known == *fra* && $known == *osd* ]]
}

install_tesseract() {
    apt_install "Tesseract (for text of scans)" tesseract-ocr tesseract-ocr-eng tesseract-ocr-fra \
        tesseract-ocr-osd
}

# one_at_a_time NAME: wait until no other run of the same work is under way in this checkout.
one_at_a_time() {
    exec 9>".cache/$1.lock"
    flock 9
}
