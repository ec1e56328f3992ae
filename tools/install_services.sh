#!/bin/sh
# Bring the Debian programs that tests start (Prometheus, Alertmanager, strace) into the user's cache.
# They are unpacked, not installed: Debian's package of Prometheus would start a server on port 9090
# and leave it there. Needs no root.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/services
lacks() {
    ! command -v "$1" >/dev/null && ! [ -x "$cache/usr/bin/$1" ]
}
packages=
if lacks prometheus; then
    packages="prometheus"
    left_out="the tests marked 'services' (the scrape by a real Prometheus)"
fi
if lacks prometheus-alertmanager; then
    packages="$packages prometheus-alertmanager"
    left_out="${left_out:+$left_out and }the alerts in a real Alertmanager"
fi
if lacks strace; then
    packages="$packages strace libunwind8"
    left_out="${left_out:+$left_out and }the tests of a power loss (recorded by strace)"
fi
if [ -z "$packages" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "no apt here to get ${packages% libunwind8} with: $left_out are left out"
    exit 0
fi

mkdir -p "$(dirname "$cache")"
scratch=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/unpacked"
cd "$scratch"
# apt's own lists may be missing or old, and only root may write them: so it gets lists of our own.
private_apt() {
    apt-get -qq -o Dir::State::Lists="$scratch/lists" -o Dir::Cache="$scratch" -o APT::Sandbox::User= "$@"
}
private_apt update
# shellcheck disable=SC2086 # several words
private_apt download $packages
if [ -d "$cache" ]; then
    cp -a "$cache/." unpacked
fi
for package in *.deb; do
    dpkg-deb -x "$package" unpacked
done
if [ -x unpacked/usr/bin/strace ] && [ ! -e unpacked/usr/lib/strace ]; then
    # It finds its library beside it, and what it traces hears nothing of that.
    mkdir unpacked/usr/lib/strace
    mv unpacked/usr/bin/strace unpacked/usr/lib/strace/strace
    cat >unpacked/usr/bin/strace <<'END'
#!/bin/sh
usr=$(dirname "$(dirname "$0")")
libraries=$(echo "$usr"/lib/*-linux-gnu*)
LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
    exec "$usr/lib/strace/strace" -E LD_LIBRARY_PATH "$@"
END
    chmod +x unpacked/usr/bin/strace
fi
if [ -x unpacked/usr/bin/prometheus-alertmanager ] && [ ! -e unpacked/usr/lib/alertmanager ]; then
    # It reads its templates at the place where Debian installs them, which is told in the program;
    # a path of the same length that leads nowhere else makes that its working folder.
    mkdir -p unpacked/usr/lib/alertmanager
    installed=/usr/share/prometheus/alertmanager
    here=$(echo "$installed" | sed 's|..|./|g')
    LC_ALL=C sed "s|$installed|$here|g" unpacked/usr/bin/prometheus-alertmanager \
        >unpacked/usr/lib/alertmanager/prometheus-alertmanager
    chmod +x unpacked/usr/lib/alertmanager/prometheus-alertmanager
    cat >unpacked/usr/bin/prometheus-alertmanager <<'END'
#!/bin/sh
usr=$(dirname "$(dirname "$0")")
cd "$usr/share/prometheus/alertmanager" && exec "$usr/lib/alertmanager/prometheus-alertmanager" "$@"
END
fi
rm -rf "$cache"
mv unpacked "$cache"
