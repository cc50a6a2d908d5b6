"""The part `serving` of `weighbridge.yaml`: what a cluster cannot take is refused where it is written."""

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.storage.git.settings import parse_settings


def parsed(serving: str):
    return parse_settings(f"models: gs://models/taxi\nserving: {serving}\n".encode(), "config/weighbridge.yaml").serving


def test_nothing_need_be_said():
    found = parsed("{}")
    assert (found.autoscaling, found.max_replicas, found.p99_ms, found.namespace) == ("hpa", None, None, "")


@pytest.mark.parametrize(
    ("serving", "key"),
    [
        ("{autoscaling: kda}", "serving.autoscaling"),
        ("{max_replicas: 0}", "serving.max_replicas"),
        ("{p99_ms: -1}", "serving.p99_ms"),
        ("{p99_ms: .inf}", "serving.p99_ms"),
        ("{namespace: 'a\"} or vector(1)'}", "serving.namespace"),
        ("{namespace: Upper}", "serving.namespace"),
        ("{prometheus: 'file:///etc/passwd'}", "serving.prometheus"),
        ("{replicas: 3}", "serving.replicas"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(serving: str, key: str):
    with pytest.raises(UsageError, match=rf"config/weighbridge.yaml: {key}"):
        parsed(serving)


def test_all_that_is_wrong_is_told_at_once_and_guessed_at():
    with pytest.raises(UsageError) as error:
        parse_settings(b"model: gs://a/b\nserving: {autoscaling: kedda, max_replica: 3}\n", "weighbridge.yaml")
    for words in (
        "models: field required",
        "did you mean 'models'?",
        "serving.autoscaling",
        "did you mean 'max_replicas'?",
    ):
        assert words in error.value.message
    assert "Below serving: autoscaling, max_replicas" in error.value.hint
