"""Secrets of addresses are masked, and nothing else is."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.text import clean, escaped_json, mask, masked


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("https://user:pa55@host/a", "https://***@host/a"),
        ("postgres://:pa55@host/a", "postgres://***@host/a"),
        (
            "s3://b/c?X-Amz-Credential=AK&X-Amz-Signature=ff&x=1",
            "s3://b/c?X-Amz-Credential=***&X-Amz-Signature=***&x=1",
        ),
        ("https://h/?sig=a%2Fb&sv=2020", "https://h/?sig=***&sv=2020"),
        ("https://h/?access_token=1.2-3", "https://h/?access_token=***"),
        ('{"url": "https://h/?api_key=a"}', '{"url": "https://h/?api_key=***"}'),
        ("'ftp://a:b@c/d' and https://e:f@g", "'ftp://***@c/d' and https://***@g"),
    ],
)
def test_secrets_are_masked_wherever_they_stand(given, shown):
    assert mask(given) == shown
    assert mask(shown) == shown
    assert masked({"a": [given, 1, None, (given,)]}) == {"a": [shown, 1, None, [shown]]}


@pytest.mark.parametrize(
    "text",
    [
        "gs://bucket/a@b:c/{YYYY}-{MM}",
        "name@example.org at 10:30",
        "--set key=value",
        "sha256:ab/c@d",
        "https://host:8080/a@b",
        "http://[::1]:80/?token&a=b",
        "https://h/?monkey=1",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask(text) == text


def test_long_texts_cost_little():
    began = time.process_time()
    for text in ("a-" * 200_000 + "@", "http://" + "a:" * 100_000 + "=", "?" + "token" * 50_000, "&x" * 200_000 + "="):
        mask(text)
    assert time.process_time() - began < 10  # and not minutes


@given(st.text())
def test_json_means_the_same_without_a_character_that_terminals_obey(text):
    written = escaped_json(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(written) == {"a": text}
    assert clean(written) == written
