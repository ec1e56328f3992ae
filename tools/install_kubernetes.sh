#!/bin/sh
# Bring a real Kubernetes API server, its controllers and etcd into the user's cache, for the tests of
# `make test-kubernetes`. Debian 12 has the source of Kubernetes 1.20.2 and the compiler for it: both
# are unpacked into a scratch folder, not installed, so it needs no root. Building takes eight minutes
# of one processor and 3 GB of disk that are given back; a second run finds the programs and is done.
set -eu

version=1.20.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/kubernetes-$version
programs="etcd kube-apiserver kube-controller-manager"

fail() {
    echo "install_kubernetes: $*" >&2
    exit 1
}

is_whole() {
    for program in $programs; do
        [ -x "$1/$program" ] || return 1
    done
}

if is_whole "$cache"; then
    exit 0
fi
command -v apt-get >/dev/null || fail "there is no apt here to get the source of Kubernetes with;" \
    "put $programs of Kubernetes $version into $cache"

mkdir -p "$(dirname "$cache")"
scratch=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/parts" "$scratch/ready"
cd "$scratch"

# apt's own places, each asked for sources as well where it is Debian's. Only root may write its lists.
for place in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    if [ -s "$place" ] && grep -q debian "$place"; then
        sed -e 's/^Types:.*/Types: deb deb-src/' -e 's/^deb \(.*\)/deb \1\ndeb-src \1/' \
            "$place" >"parts/$(basename "$place")"
    fi
done
[ -e parts/sources.list ] && mv parts/sources.list parts/main.list
private_apt() {
    apt-get -qq -o Dir::State::Lists="$scratch/lists" -o Dir::Cache="$scratch" -o APT::Sandbox::User= \
        -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$scratch/parts" "$@"
}
private_apt update
private_apt source --download-only kubernetes || fail "apt has no source of Kubernetes"
source=$(echo kubernetes_*.orig.tar.gz)
case $source in
*"$version".orig.tar.gz) ;;
*) fail "Kubernetes $version is what Debian 12 has, and apt here has $source" ;;
esac
private_apt download etcd-server golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
for package in *.deb; do
    dpkg-deb -x "$package" unpacked
done

# Debian's patches are for kubectl alone and left out.
export GOPATH="$scratch/go" GOCACHE="$scratch/compiled" GOROOT="$scratch/unpacked/usr/lib/go-1.19"
export GO111MODULE=off GOFLAGS='' GOPROXY=off CGO_ENABLED=0
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$tree"
tar -x -f "$source" -C "$tree" --strip-components=1
cd "$tree"
# The one that Kubernetes brings crashes, under this compiler, on the first custom resource.
rm -r vendor/github.com/modern-go/reflect2
cp -rL "$scratch/unpacked/usr/share/gocode/src/github.com/modern-go/reflect2" vendor/github.com/modern-go/

# Of all that Kubernetes generates, its source lacks one file: what the server tells of its types.
# The list of known exceptions to its rules comes with the source: the same one says that all was read.
go=$GOROOT/bin/go
nice "$go" build -o "$scratch/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
find -L pkg cmd plugin vendor/k8s.io -name '*.go' -not -path 'vendor/k8s.io/code-generator/*' \
    -not -path 'vendor/k8s.io/sample-apiserver/*' -exec grep -l '^// *+k8s:openapi-gen=' '{}' + |
    sed -e 's|/[^/]*$||' -e 's|^|k8s.io/kubernetes/|' | LC_ALL=C sort -u >"$scratch/described"
nice "$scratch/openapi-gen" --input-dirs "$(paste -s -d , "$scratch/described")" \
    --output-package k8s.io/kubernetes/pkg/generated/openapi --output-file-base zz_generated.openapi \
    --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
    --report-filename "$scratch/exceptions"
cmp "$scratch/exceptions" api/api-rules/violation_exceptions.list ||
    fail "what was generated is not what the source expects"

told='-s -w'
for package in client-go/pkg/version component-base/version; do
    for pair in gitVersion=v$version gitMajor=1 gitMinor=20 gitCommit=debian gitTreeState=clean; do
        told="$told -X k8s.io/kubernetes/vendor/k8s.io/$package.$pair"
    done
done
nice "$go" build -ldflags "$told" -o "$scratch/ready/" ./cmd/kube-apiserver ./cmd/kube-controller-manager
cp "$scratch/unpacked/usr/bin/etcd" "$scratch/ready/"

"$scratch/ready/etcd" --version >/dev/null
for program in kube-apiserver kube-controller-manager; do
    [ "$("$scratch/ready/$program" --version)" = "Kubernetes v$version" ] ||
        fail "$program was built and does not tell version $version"
done
rm -rf "$cache"
mv "$scratch/ready" "$cache"
