#!/bin/sh
# What the chart makes of infra/jenkins/values.yaml, kept beside this file, since tests have neither helm nor the chart. Run it
# after each change of the values (CHART=folder where the chart's repository is not reached).
set -eu
cd "$(dirname "$0")"
version=$(sed -n 's/^# Values for .* \([0-9.]*[0-9]\) (.*/\1/p' ../../../infra/jenkins/values.yaml)
chart=${CHART:-jenkins --repo https://charts.jenkins.io --version $version}
rendered=$(mktemp)
trap 'rm -f "$rendered" rendered.yaml.new' EXIT
# A password is given, or the chart would choose another each time.
# shellcheck disable=SC2086  # the arguments that name the chart are meant to be split
helm template jenkins $chart --namespace jenkins --values ../../../infra/jenkins/values.yaml \
    --set controller.admin.password=chosen-at-random > "$rendered"
{
    printf '# By rendered.sh, of values.yaml with the SHA-256 %s.\n' "$(sha256sum ../../../infra/jenkins/values.yaml | cut -c1-64)"
    sed 's/[[:space:]]*$//' "$rendered"
} > rendered.yaml.new
mv rendered.yaml.new rendered.yaml
