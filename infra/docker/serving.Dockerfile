# The image that models are served from: KServe's model server with our predictor. See README.md beside this file.
# It verifies models, too: `weighbridge verify` in an init container needs no other image.

# python:3.11-slim-bookworm (3.11.16) for all architectures, by digest: a tag can be moved to something else.
ARG BASE=python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# --- what is installed from the lock file: large, and the same until the lock changes ---
FROM ${BASE} AS packages
# A mirror of PyPI, where PyPI itself cannot be reached.
ARG INDEX_URL=""
ENV UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements/bootstrap.sh requirements/serving-py311.lock requirements/
# The same uv as everywhere else in the project. What is removed at the end is for compiling against TensorFlow and Arrow,
# and tests of libraries; no server does either.
RUN python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --target /uv \
        ${INDEX_URL:+--index-url "$INDEX_URL"} "uv==$(sed -n 's/^UV_VERSION=//p' requirements/bootstrap.sh)" \
    && /uv/bin/uv venv --quiet --python python3.11 /opt/weighbridge \
    && VIRTUAL_ENV=/opt/weighbridge /uv/bin/uv pip install --quiet ${INDEX_URL:+--index-url "$INDEX_URL"} \
        --require-hashes -r requirements/serving-py311.lock \
    && cd /opt/weighbridge/lib/python3.11/site-packages \
    && rm -rf clang tensorflow/include pyarrow/include \
    && find numpy pandas pyarrow -type d -name tests -prune -exec rm -rf {} +

# --- our own code: small, and new with every commit ---
FROM packages AS code
COPY setup.py pyproject.toml LICENSE ./
COPY weighbridge weighbridge
COPY components components
COPY pipelines pipelines
COPY requirements/licences.yaml requirements/
RUN VIRTUAL_ENV=/opt/weighbridge /uv/bin/uv pip install --quiet --no-deps --no-build-isolation --prefix /code .

FROM ${BASE}
# /logs is for the log of requests; mount a volume there. /own is for the package of a flavour of your own.
RUN groupadd --gid 1000 weighbridge \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin weighbridge \
    && install -d -o 1000 -g 0 -m 0775 /logs \
    && install -d /own /models
COPY --from=packages /opt/weighbridge /opt/weighbridge
COPY --from=code /code /opt/weighbridge
# What the image is made of, with licences. Who adds to the image writes it anew. Bytecode is compiled already.
RUN PYTHONDONTWRITEBYTECODE=1 HOME=/tmp /opt/weighbridge/bin/weighbridge sbom --system --output /opt/weighbridge/sbom.cdx.json
# The server keeps its verified copy of a model in TMPDIR: an emptyDir where the root is read-only. SAFEPATH: `python -m`
# must not import what happens to lie in the working directory.
ENV PATH=/opt/weighbridge/bin:${PATH:-/usr/local/bin:/usr/bin:/bin} \
    HOME=/tmp \
    LANG=C.UTF-8 \
    PYTHONPATH=/own \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=2
WORKDIR /tmp
EXPOSE 8080 8081
# A number: Kubernetes' runAsNonRoot cannot tell who a name is.
USER 1000:1000
# A container's arguments are the server's options; its first process is the server itself, so that SIGTERM reaches it.
ENTRYPOINT ["python", "-m", "weighbridge.serving"]
CMD ["--help"]
ARG BASE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Weighbridge model server" \
      org.opencontainers.image.description="Models that were weighed, behind KServe's model server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.revision="${REVISION}" \
      io.weighbridge.sbom="/opt/weighbridge/sbom.cdx.json"
