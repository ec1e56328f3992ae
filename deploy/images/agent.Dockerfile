# The program on a device, `fieldwise-agent`, and the operator's commands, without torch or pip.
# Built from the top of the repository; `make images` does it. Any image with Python 3.11 or newer is a
# base; where that has no venv module (as a Debian without python3-venv) name a BUILDER that has one.
ARG BASE=docker.io/library/python:3.12-slim
ARG BUILDER=${BASE}

# hadolint ignore=DL3006 # which version is the caller's choice
FROM ${BUILDER} AS build
WORKDIR /source
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/fieldwise
COPY . .
# Every file is taken by its hash and is a wheel, so that nothing of a package runs while it is installed.
# Where packages come from is the builder's business: no layer has it, as secrets are mounted.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.pem \
    export PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PROGRESS_BAR=off \
    && pip=/opt/build/bin/pip && set -- --quiet --require-hashes --only-binary=:all: \
    && ${pip} install "$@" --requirement deploy/images/requirements-build.txt \
    && ${pip} --python /opt/fieldwise/bin/python install "$@" --requirement deploy/images/requirements-agent.txt \
    && ${pip} wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /opt/wheel . \
    && ${pip} --python /opt/fieldwise/bin/python install --quiet --no-deps --no-index /opt/wheel/*.whl \
    && find /opt/fieldwise -type d -name tests -prune -exec rm -r {} +

# hadolint ignore=DL3006 # which version is the caller's choice
FROM ${BASE}
# What installs or compiles packages is no part of a device. The user has a home that is all its
# state; the group is root's, as a cluster that gives out user ids itself leaves it.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
    && echo 'fieldwise:x:65532:65532::/var/lib/fieldwise:/usr/sbin/nologin' >>/etc/passwd \
    && echo 'fieldwise:x:65532:' >>/etc/group \
    && install -d -o 65532 -g 0 -m 0770 /var/lib/fieldwise
COPY --from=build /opt/fieldwise /opt/fieldwise
ENV PATH=/opt/fieldwise/bin:$PATH HOME=/var/lib/fieldwise PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /var/lib/fieldwise
ENTRYPOINT ["fieldwise-agent"]
CMD ["run"]
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fieldwise agent" \
    org.opencontainers.image.description="Learns on a device in the field from its own images, and keeps them there" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}"
