# An agent: Python 3.11 as everywhere in the project, Jenkins' agent with its own Java, git and make, and the environment of
# the lock files. A checkout with the same locks links it (requirements/bootstrap.sh) and is set up in seconds; any other
# installs its own.

ARG AGENT=jenkins/inbound-agent:3355.v388858a_47b_33-17-jdk21
# The base of infra/docker/Dockerfile.
ARG BASE=python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${AGENT} AS agent

FROM ${BASE}
# A mirror of PyPI, where PyPI itself cannot be reached.
ARG INDEX_URL=""
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends git make g++ >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --user-group --create-home --home-dir /home/jenkins jenkins \
    && install -d -o 1000 -g 1000 /home/jenkins/agent /var/lib/weighbridge
ENV WEIGHBRIDGE_PREPARED=/opt/weighbridge
COPY requirements/bootstrap.sh requirements/*.lock /tmp/requirements/
# Relocatable: its programs find the Python beside them, also where they are copied to. It belongs to root: a build cannot
# change what the next one finds.
RUN cd /tmp \
    && uv="$WEIGHBRIDGE_PREPARED/uv-$(sed -n 's/^UV_VERSION=//p' requirements/bootstrap.sh)" \
    && python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --root-user-action=ignore --target "$uv" \
        ${INDEX_URL:+--index-url "$INDEX_URL"} "uv==${uv##*uv-}" \
    && export UV_NO_CACHE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV="$WEIGHBRIDGE_PREPARED/venv" \
    && "$uv/bin/uv" venv --quiet --relocatable --python python3.11 "$VIRTUAL_ENV" \
    && "$uv/bin/uv" pip install --quiet ${INDEX_URL:+--index-url "$INDEX_URL"} --compile-bytecode --require-hashes \
        -r requirements/tfx-1.16-py311.lock -r requirements/dev-py311.lock \
    && cat requirements/*.lock | sha256sum > "$WEIGHBRIDGE_PREPARED/locks.sha256" \
    && rm -rf requirements
COPY --from=agent /opt/java/openjdk /opt/java/openjdk
COPY --from=agent /usr/share/jenkins/agent.jar /usr/share/jenkins/agent.jar
COPY --from=agent /usr/local/bin/jenkins-agent /usr/local/bin/jenkins-agent
ENV PATH=/opt/java/openjdk/bin:${PATH:-/usr/local/bin:/usr/bin:/bin} JAVA_HOME=/opt/java/openjdk LANG=C.UTF-8
WORKDIR /home/jenkins/agent
# A number: Kubernetes' runAsNonRoot cannot tell who a name is.
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/jenkins-agent"]
