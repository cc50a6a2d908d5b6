# An agent: Python 3.11 as everywhere in the project, Jenkins' agent with its own Java, git and make.
# The virtual environment is made by the build itself, from the lock file.

ARG AGENT=jenkins/inbound-agent:3355.v388858a_47b_33-17-jdk21
# The base of infra/docker/Dockerfile.
ARG BASE=python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${AGENT} AS agent

FROM ${BASE}
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends git make g++ >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --user-group --create-home --home-dir /home/jenkins jenkins \
    && install -d -o 1000 -g 1000 /home/jenkins/agent /var/lib/weighbridge
COPY --from=agent /opt/java/openjdk /opt/java/openjdk
COPY --from=agent /usr/share/jenkins/agent.jar /usr/share/jenkins/agent.jar
COPY --from=agent /usr/local/bin/jenkins-agent /usr/local/bin/jenkins-agent
ENV PATH=/opt/java/openjdk/bin:${PATH:-/usr/local/bin:/usr/bin:/bin} JAVA_HOME=/opt/java/openjdk LANG=C.UTF-8
WORKDIR /home/jenkins/agent
# A number: Kubernetes' runAsNonRoot cannot tell who a name is.
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/jenkins-agent"]
