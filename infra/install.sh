#!/bin/sh
# Sets up all that copystand needs on Debian or Ubuntu; what is there already is left alone.
# 1. system packages  2. .venv from requirements.lock  3. Kafka's jars  4. the XSD files
# With the word `faults` also 5. what the fault suite needs: strace, toxiproxy
set -eu
FOR=${1:-line}
cd "$(dirname "$0")/.."
ROOT=$PWD
CACHE=${COPYSTAND_CACHE:-$ROOT/.cache}
JARS=$CACHE/kafka-4.3.1
TOXIPROXY=$CACHE/toxiproxy-2.5.0
LOCKED=$(cat requirements.lock pyproject.toml | sha256sum | cut -c1-64)
FAULTS=""
WANTED=""

say() { printf '%s\n' "install: $*" >&2; }
want() { WANTED="$WANTED $*"; }
cannot() { FAULTS="$FAULTS
  - $*"; }

# ---- what is missing -------------------------------------------------------------------------
fitting_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return 0
        fi
    done
    return 1
}
java_fits() {
    java=java
    [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ] && java=$JAVA_HOME/bin/java
    major=$("$java" -XX:-UsePerfData -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ]
}
postgres_fits() {
    for server in /usr/lib/postgresql/*/bin/postgres; do
        major=${server#/usr/lib/postgresql/}
        major=${major%%/*}
        [ -x "$server" ] && [ "$major" -ge 15 ] 2>/dev/null && return 0
    done
    return 1
}
font() { find /usr/share/fonts /usr/share/texmf/fonts /usr/local/share/fonts -iname "$1" 2>/dev/null | grep -q .; }
venv_stands() { [ "$(cat .venv/.locked 2>/dev/null)" = "$LOCKED" ] && [ -x .venv/bin/copystand ]; }
jars_stand() { [ "$(cat "$JARS/.checked" 2>/dev/null)" = "$(sha256sum <infra/kafka.sha256)" ]; }

first_offered() {
    for package in "$@"; do
        if apt-cache show "$package" 2>/dev/null | grep -q '^Version:'; then
            printf '%s' "$package"
            return 0
        fi
    done
    return 1
}

look() {
    WANTED=""
    if ! venv_stands; then
        if ! PYTHON=$(fitting_python); then
            want python
        elif ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
            want venv
        fi
    fi
    java_fits || want java
    jars_stand || command -v mvn >/dev/null 2>&1 || want maven
    postgres_fits || want postgresql
    command -v tesseract >/dev/null 2>&1 || want tesseract-ocr
    listed=$(tesseract --list-langs 2>/dev/null | sed 's,.*/,,' || true)
    for language in eng fra deu lat osd; do
        printf '%s\n' "$listed" | grep -qx "$language" || want "tesseract-ocr-$language"
    done
    printf '%s\n' "$listed" | grep -qx Fraktur || want tesseract-ocr-script-frak
    command -v exiftool >/dev/null 2>&1 || want libimage-exiftool-perl
    command -v setpriv >/dev/null 2>&1 || want util-linux
    command -v parallel >/dev/null 2>&1 || want parallel
    font 'EBGaramond*' || want fonts-ebgaramond
    font 'Junicode*' || want fonts-junicode
    font '*blankenburg*' || want fonts-blankenburg
    [ "$FOR" = faults ] || return 0
    command -v strace >/dev/null 2>&1 || want strace
    [ -x "$TOXIPROXY/server" ] || command -v go >/dev/null 2>&1 || want golang-go
}

# Turns what is wanted into package names this release offers; what it does not offer is a fault.
choose_packages() {
    PACKAGES=""
    for thing in $WANTED; do
        case $thing in
        java) offered=$(first_offered openjdk-17-jre-headless openjdk-21-jre-headless openjdk-25-jre-headless) || offered="" ;;
        python)
            offered=$(first_offered python3.13-venv python3.12-venv python3.11-venv) || offered=""
            [ -n "$offered" ] && offered="${offered%-venv} $offered"
            ;;
        venv)
            version=$("$PYTHON" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
            offered=$(first_offered "$version-venv" python3-venv) || offered=""
            ;;
        *) offered=$(first_offered "$thing") || offered="" ;;
        esac
        if [ -n "$offered" ]; then
            PACKAGES="$PACKAGES $offered"
        else
            cannot "$thing: no package of this machine's sources offers it. Fix: add the source that has it (Ubuntu: universe), or install it yourself, then run make install again."
        fi
    done
}

install_packages() {
    AS_ROOT=""
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null 2>&1; then AS_ROOT=sudo; else
            cannot "root or sudo is needed to install:$WANTED. Fix: ask the machine's administrator."
            return
        fi
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        cannot "this is not Debian or Ubuntu; missing:$WANTED. Fix: install them yourself, then run make install again."
        return
    fi
    say "missing:$WANTED"
    $AS_ROOT apt-get update -qq || say "the package lists could not be renewed; going on with those there are"
    choose_packages
    [ -z "$FAULTS" ] || return
    export DEBIAN_FRONTEND=noninteractive
    APT="$AS_ROOT env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold"
    case " $PACKAGES " in
    *" postgresql "*)
        # Else the package starts a server of its own on port 5432; ours live in the homes.
        $APT postgresql-common >/dev/null || cannot "apt-get could not install postgresql-common; its message is above."
        conf=/etc/postgresql-common/createcluster.conf
        if [ -f $conf ]; then
            $AS_ROOT sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' $conf
        fi
        ;;
    esac
    # shellcheck disable=SC2086
    $APT $PACKAGES >/dev/null || cannot "apt-get could not install:$PACKAGES; its message is above."
}

stop_at_faults() {
    [ -z "$FAULTS" ] && return
    say "cannot go on:$FAULTS"
    exit 3
}

# ---- the parts -------------------------------------------------------------------------------
make_venv() {
    venv_stands && return
    say "Python environment in .venv"
    rm -f .venv/.locked
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        { rm -rf .venv && "$PYTHON" -m venv .venv; }
    .venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    printf '%s' "$LOCKED" >.venv/.locked
}

fetch_jars() {
    jars_stand && return
    if ! (cd "$JARS" 2>/dev/null && sha256sum --quiet --strict -c "$ROOT/infra/kafka.sha256" >/dev/null 2>&1); then
        say "Kafka 4.3.1 into $JARS"
        mkdir -p "$CACHE"
        draft=$(mktemp -d "$CACHE/kafka.XXXXXX")
        mvn -q -B -f infra/kafka-pom.xml dependency:copy-dependencies -DoutputDirectory="$draft" ||
            cannot "Maven could not fetch Kafka; its message is above. Fix: look at the network and at Maven's settings, then run make install again."
        [ -n "$FAULTS" ] || (cd "$draft" && sha256sum --quiet --strict -c "$ROOT/infra/kafka.sha256") ||
            cannot "what Maven fetched is not what infra/kafka.sha256 lists. Fix: do not use it; find out where it came from."
        [ -z "$FAULTS" ] || rm -rf "$draft"
        stop_at_faults
        rm -rf "$JARS"
        mv "$draft" "$JARS"
        chmod 755 "$JARS"
    fi
    sha256sum <infra/kafka.sha256 >"$JARS/.checked"
}

fetch_standards() {
    [ -f infra/standards.py ] || return 0
    if [ "$(cat "$CACHE/standards/.checked" 2>/dev/null)" != "$(sha256sum <infra/standards.sha256)" ]; then
        say "XSD files into $CACHE/standards"
        COPYSTAND_CACHE=$CACHE .venv/bin/python -m infra.standards >&2 ||
            cannot "the XSD files could not be fetched; the message is above."
        stop_at_faults
        sha256sum <infra/standards.sha256 >"$CACHE/standards/.checked"
    fi
}

build_toxiproxy() {
    [ "$FOR" = faults ] && [ ! -x "$TOXIPROXY/server" ] || return 0
    say "toxiproxy 2.5.0 into $TOXIPROXY"
    mkdir -p "$CACHE"
    draft=$(mktemp -d "$CACHE/toxiproxy.XXXXXX")
    # Go makes its folders read-only, so its own cleaning is used.
    GOBIN=$draft GOPATH=$CACHE/go GOCACHE=$CACHE/go/build GOTOOLCHAIN=local \
        go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0 ||
        cannot "toxiproxy could not be built; Go's message is above. Fix: look at the network and at Go's settings, then run make faults again."
    GOPATH=$CACHE/go GOCACHE=$CACHE/go/build go clean -cache -modcache >/dev/null 2>&1 || true
    rm -rf "$CACHE/go"
    [ -z "$FAULTS" ] || rm -rf "$draft"
    stop_at_faults
    rm -rf "$TOXIPROXY"
    mv "$draft" "$TOXIPROXY"
    chmod 755 "$TOXIPROXY"
}

look
if [ -n "$WANTED" ]; then
    install_packages
    stop_at_faults
    look
    [ -z "$WANTED" ] || { cannot "still missing after installing:$WANTED"; stop_at_faults; }
fi
make_venv
fetch_jars
fetch_standards
build_toxiproxy
