# What `run` and `growth` have in common: they source it in the root of the repository, with `here` set to the directory of this file.
#
# It installs what is missing on a Debian or Ubuntu with a Rust toolchain, and builds the rest. Nothing that is there already changes;
# what does not come from the distribution stands in the build's own directory, in `place`.
# shellcheck shell=bash disable=SC2154 # `here`

say() { printf '\n== %s\n' "$*"; }

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# A server's package would start it as a service, on ports that others may want.
install_packages() {
    local policy=/usr/sbin/policy-rc.d ours=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        ours=yes
    fi
    as_root apt-get update -q
    local failed=
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" || failed=yes
    [[ -z $ours ]] || as_root rm "$policy"
    [[ -z $failed ]]
}

# Servers stand in /usr/sbin, which is not on everybody's path.
export PATH="$PATH:/usr/sbin:/sbin"

missing=()
need() { # PACKAGE TEST...
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

install_missing() {
    if ((${#missing[@]})); then
        echo "installing ${missing[*]}"
        install_packages "${missing[@]}"
    else
        echo "all there"
    fi
}

# Says where the programs are to those that start them.
find_place() {
    target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    place=$target/compare
    mkdir -p "$place"
    export COMPARE_PLACE=$place COMPARE_GATEWAY=${TESTED_PROGRAM:-$target/release/writegate}
}

install_python_packages() {
    say "Python packages for the plots, in $place/venv"
    local requirements=$here/requirements.txt
    if ! cmp -s "$requirements" "$place/venv/requirements.txt"; then
        rm -rf "$place/venv"
        python3 -m venv "$place/venv"
        "$place/venv/bin/pip" install -q --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$place/venv/requirements.txt"
    else
        echo "all there"
    fi
}

build_programs() {
    say "The gateway as users have it, and the programs beside it"
    cargo build --release --locked
    cargo build --release --locked --manifest-path "$here/programs/Cargo.toml" --target-dir "$place/programs"
}
