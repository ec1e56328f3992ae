# The aggregator of one campaign, `fieldwise-aggregator`: the only image with flwr, without torch or pip.
# Built from the top of the repository; `make images` does it. Any image with Python 3.11 or newer is a
# base; where that has no venv module (as a Debian without python3-venv) name a BUILDER that has one.
ARG BASE=docker.io/library/python:3.12-slim
ARG BUILDER=${BASE}

# hadolint ignore=DL3006 # which version is the caller's choice
FROM ${BUILDER} AS build
WORKDIR /source
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/fieldwise
COPY . .
# Flower's own servers, its installer of run-time dependencies (39 MB) and tests of packages go: nothing
# here starts a run of Flower's. Every file is taken by its hash and is a wheel, so that nothing of a package
# runs while it is installed. Where packages come from is the builder's business: no layer has it.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    export PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PROGRESS_BAR=off \
    && pip=/opt/build/bin/pip && set -- --quiet --require-hashes --only-binary=:all: \
    && ${pip} install "$@" --requirement deploy/images/requirements-build.txt \
    && ${pip} --python /opt/fieldwise/bin/python install "$@" --requirement deploy/images/requirements-aggregator.txt \
    && ${pip} wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /opt/wheel . \
    && ${pip} --python /opt/fieldwise/bin/python install --quiet --no-deps --no-index /opt/wheel/*.whl \
    && rm -f /opt/fieldwise/bin/uv /opt/fieldwise/bin/uvx /opt/fieldwise/bin/flower* /opt/fieldwise/bin/flwr* \
    && find /opt/fieldwise -type d -name tests -prune -exec rm -r {} +

# hadolint ignore=DL3006 # which version is the caller's choice
FROM ${BASE}
# What installs or compiles packages is no part of a server. Nothing is kept but in a scratch folder.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
    && echo 'fieldwise:x:65532:65532::/tmp:/usr/sbin/nologin' >>/etc/passwd \
    && echo 'fieldwise:x:65532:' >>/etc/group
COPY --from=build /opt/fieldwise /opt/fieldwise
ENV PATH=/opt/fieldwise/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["fieldwise-aggregator"]
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fieldwise aggregator" \
    org.opencontainers.image.description="Makes the updates of one campaign into its next global head" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
