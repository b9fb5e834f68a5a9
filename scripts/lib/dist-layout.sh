# shellcheck shell=bash
# The files of a package as they lie on a machine, and what is made of them. Sourced, never run.

DIST_LINKS=(setup-zookeeper watch-master watch-slave wc-mapper wc-reducer)

# lay_out PROGRAM-DIR HEARTLINE TARGET ROOT: HEARTLINE is one that runs here.
lay_out() {
    local programs=$1 heartline=$2 target=$3 root=$4 name share=$4/usr/share
    local doc=$share/doc/heartline package=$HEARTLINE_ROOT/contrib/package systemd=$HEARTLINE_ROOT/contrib/systemd
    install -D -m 755 "$programs/heartline" "$root/usr/bin/heartline"
    for name in "${DIST_LINKS[@]}"; do ln -s heartline "$root/usr/bin/$name"; done
    for name in wc-mapper wc-reducer; do install -D -m 755 "$programs/$name" "$root/usr/lib/heartline/$name"; done
    install -D -m 644 -t "$root/usr/lib/systemd/system" "$systemd"/*.service
    install -D -m 644 "$systemd/heartline.sysusers.conf" "$root/usr/lib/sysusers.d/heartline.conf"
    install -D -m 644 "$HEARTLINE_ROOT/contrib/heartline.toml" "$root/etc/heartline/heartline.toml"
    install -D -m 644 "$package/heartline.logrotate" "$root/etc/logrotate.d/heartline"

    timeout 60 "$heartline" man "$share/man/man1" || die "$heartline writes no manual pages"
    gzip -9n "$share"/man/man1/*.1
    install -d "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
    for name in heartline "${DIST_LINKS[@]}"; do
        timeout 60 "$heartline" completions bash "$name" >"$share/bash-completion/completions/$name"
        timeout 60 "$heartline" completions zsh "$name" >"$share/zsh/site-functions/_$name"
        timeout 60 "$heartline" completions fish "$name" >"$share/fish/vendor_completions.d/$name.fish"
    done

    install -D -m 644 -t "$doc" "$HEARTLINE_ROOT/README.md" "$HEARTLINE_ROOT/LICENSE"
    gzip -9nc "$HEARTLINE_ROOT/CHANGELOG.md" >"$doc/changelog.gz"
    third_party_licenses "$target" | gzip -9n >"$doc/third-party-licenses.gz"
    if [ -e "$root/../heartline.cyclonedx.json" ]; then
        install -m 644 "$root/../heartline.cyclonedx.json" "$doc/heartline.cyclonedx.json"
    fi
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# third_party_licenses TARGET: the texts of the licences of all crates in the programs.
third_party_licenses() {
    cargo metadata --format-version 1 --locked --filter-platform "$1" --manifest-path "$HEARTLINE_ROOT/Cargo.toml" \
        | python3 "$HEARTLINE_ROOT/scripts/lib/dist_licenses.py" || die "the licences of the crates cannot be gathered"
}

# pack_tarball ROOT VERSION TARGET OUTPUT
pack_tarball() {
    local name=heartline-$2-$3
    # Below one folder of its own, without what only the system's own folders have use for.
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=gnu \
        --directory "$1" --transform "s,^usr/,,S;s,^,$name/,S" usr/bin usr/lib usr/share etc \
        | gzip -9n >"$4/$name.tar.gz"
}

# debian_changelog VERSION: what the tools of packages want to read; the changes themselves are in changelog.gz.
debian_changelog() {
    printf 'heartline (%s) unstable; urgency=medium\n\n  * See changelog.gz in this folder.\n\n -- %s  %s\n' \
        "$1" "$HEARTLINE_MAINTAINER" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

# rpm_changelog VERSION: the same for the other.
rpm_changelog() {
    printf -- '- semver: %s\n  date: %s\n  packager: "%s"\n  urgency: medium\n  distributions: [unstable]\n  changes:\n    - note: %s\n' \
        "$1" "$(date -u +%FT%TZ -d "@$SOURCE_DATE_EPOCH")" "$HEARTLINE_MAINTAINER" \
        '"The changes are in /usr/share/doc/heartline/changelog.gz"'
}

# pack_packages ROOT VERSION TARGET OUTPUT: the .deb and the .rpm.
pack_packages() {
    local root=$1 arch packager
    case $3 in
        x86_64-*) arch=amd64 ;;
        aarch64-*) arch=arm64 ;;
        *) die "no package is known for $3; its programs are in the tarball" ;;
    esac
    install -D -m 644 -t "$root/deb-doc" "$HEARTLINE_ROOT/contrib/package/copyright"
    debian_changelog "$2-1" | gzip -9nc >"$root/deb-doc/changelog.Debian.gz"
    rpm_changelog "$2" >"$root/changelog.yaml"
    cp "$HEARTLINE_ROOT/contrib/package/nfpm.yaml" "$root/deb.yaml"
    (cd "$root" && find usr/share/man usr/share/doc -type f -printf '  - { src: %p, dst: /%p, packager: rpm, type: doc }\n') \
        | LC_ALL=C sort >"$root/rpm-doc"
    sed "/documentation of the .rpm here/r $root/rpm-doc" "$root/deb.yaml" >"$root/rpm.yaml"
    echo 'changelog: changelog.yaml' >>"$root/rpm.yaml"
    cp -r "$HEARTLINE_ROOT/contrib/package/deb" "$HEARTLINE_ROOT/contrib/package/rpm" "$root/"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    for packager in deb rpm; do
        (
            cd "$root" || exit
            export HEARTLINE_ARCH=$arch HEARTLINE_VERSION=$2
            timeout 300 nfpm package --config "$packager.yaml" --packager "$packager" --target "$4" >&2
        ) || die "nfpm could not make the .$packager"
    done
    (cd "$root" && rm -rf deb deb.yaml deb-doc rpm rpm.yaml rpm-doc changelog.yaml)
}
