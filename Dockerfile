# An image for CI: poscloud with its toolchain, so that a job downloads and builds nothing. docs/install.md has how to
# build it; make test-image builds and uses it. The wheel comes from `make dist`.
# Any image of Debian or Ubuntu will do that has `python`, 3.11 or newer, with venv: your own mirror's, for example.
ARG BASE=python:3.11-slim

FROM ${BASE} AS toolchain
COPY dist/poscloud-*.whl requirements-dev.lock /tmp/
# One mirror for each, where the official places cannot be reached; empty, these are used. This stage is not in the image.
ARG PIP_INDEX_URL=""
ARG GOPROXY=""
ENV POSCLOUD_CACHE=/opt/poscloud
WORKDIR /tmp/project
# An index given as an empty variable would be taken for one.
RUN if [ -z "$PIP_INDEX_URL" ]; then unset PIP_INDEX_URL; fi \
    && if [ -z "$GOPROXY" ]; then unset GOPROXY; fi \
    && wheel=$(echo /tmp/poscloud-*.whl) \
    && python -m venv /opt/python \
    && /opt/python/bin/pip install --no-cache-dir -c /tmp/requirements-dev.lock "${wheel}[forge,postgresql,s3]" \
    && /opt/python/bin/poscloud init build \
    && /opt/python/bin/poscloud toolchain install \
    && rm -rf /opt/poscloud/toolchain/go-* /tmp/project \
    && chmod -R a+rX /opt/poscloud

FROM ${BASE}
# A job's checkout is often another user's, which git refuses unless told otherwise. Ubuntu has a user 1000 of its own.
# DL3008: which git does not matter; a pinned version is gone from the archive with its next fix.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --create-home --non-unique --uid 1000 poscloud
COPY --from=toolchain /opt/python /opt/python
COPY --from=toolchain --chown=1000:1000 /opt/poscloud /opt/poscloud
ENV PATH=/opt/python/bin:$PATH POSCLOUD_CACHE=/opt/poscloud
USER 1000
WORKDIR /home/poscloud
CMD ["poscloud", "--help"]
