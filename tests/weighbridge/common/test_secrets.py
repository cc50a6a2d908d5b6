"""Secrets by reference: what is given to steps names variables, and never holds what they hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common import secrets, text
from weighbridge.common.errors import UsageError

PLAIN = [
    ("password", "hunter2"),
    ("db_password", "hunter2"),
    ("api_key", "hunter2"),
    ("HF_TOKEN", "hunter2"),
    ("token", "hunter2"),
    ("source", "postgres://me:hunter2@host/db"),
    ("source", "https://host/x?token=hunter2"),
    ("source", "s3://b/c?X-Amz-Signature=hunter2&x=1"),
    ("custom_config", '{"a": [{"url": "https://me:hunter2@host"}]}'),
    ("custom_config", '{"login": {"password": "hunter2"}}'),
    ("custom_config", {"login": {"secret_key": "hunter2"}}),
    ("sources", ["https://host", "https://me:hunter2@host"]),
    ("password", "{env:A}hunter2"),
]
NONE = [
    ("password", ""),
    ("password", "{env:DB_PASSWORD}"),
    ("password_column", "pw"),
    ("pad_token", "[PAD]"),
    ("oov_token", "<unk>"),
    ("max_tokens", 5),
    ("token", 5),
    ("key", "value"),
    ("source", "postgres://me:{env:DB_PASSWORD}@host/db?sslmode=require"),
    ("source", "postgres://{env:DB_USER}:{env:DB_PASSWORD}@host/db"),
    ("source", "https://host/x?token={env:TOKEN}&a=1"),
    ("source", "gs://bucket/a@b:c"),
    ("mail", "a:b@c"),
    ("custom_config", '{"login": {"password": "{env:A}"}}'),
    ("data", "/data/{SPAN}/rows.csv"),
    ("nothing", None),
]


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(text, "_hidden", {})
    monkeypatch.setattr(secrets, "_resolved", {})


@pytest.mark.parametrize(("name", "value"), PLAIN)
def test_a_secret_in_plain_is_found_wherever_it_stands(name, value):
    found = secrets.exposed(name, value)
    assert found.startswith(name)
    assert "hunter2" not in found


@pytest.mark.parametrize(("name", "value"), NONE)
def test_what_is_none_is_left_alone(name, value):
    assert secrets.exposed(name, value) == ""


def test_what_is_given_is_put_in_and_taken_out_again(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", 'qu"o\\te\nd')
    given_ = {
        "url": "postgres://me:{env:DB_PASSWORD}@host",
        "custom_config": json.dumps({"login": {"password": "{env:DB_PASSWORD}"}, "rows": 5}),
        "listed": ["{env:DB_PASSWORD}", 7],
        "other": "unchanged {SPAN}",
    }
    found = secrets.resolved(given_)
    assert found["url"] == 'postgres://me:qu"o\\te\nd@host'
    assert json.loads(found["custom_config"]) == {"login": {"password": 'qu"o\\te\nd'}, "rows": 5}
    assert found["listed"] == ['qu"o\\te\nd', 7]
    assert found["other"] == "unchanged {SPAN}"
    assert secrets.concealed(found) == given_


def test_what_was_put_in_is_masked_from_then_on(monkeypatch):
    assert text.mask("password: correct horse") == "password: correct horse"
    monkeypatch.setenv("A", "correct horse")
    secrets.resolved("{env:A}")
    assert text.mask("password: correct horse") == "password: ***"


def test_a_short_one_is_masked_but_not_inside_of_words_and_paths(monkeypatch):
    monkeypatch.setenv("A", "work")
    secrets.resolved("{env:A}")
    shown = text.mask("me:work@host 'work' /tmp/work/run.json network work.yaml; it is work.")
    assert shown == "me:***@host '***' /tmp/work/run.json network work.yaml; it is ***."


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    with pytest.raises(UsageError, match="the environment variable DB_PASSWORD, which is not set") as caught:
        secrets.resolved({"a": "{env:DB_PASSWORD}"})
    assert "Resources(secrets={'DB_PASSWORD': 'SECRET/KEY'})" in caught.value.hint


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_values_without_references_stay_as_they_are(value):
    if not secrets.names(value):
        assert secrets.resolved(value) == value
        assert secrets.concealed(value) == value


@pytest.mark.parametrize(
    ("given_", "expected"),
    [("env:A", "{env:A}"), ("{env:A}", "{env:A}"), ("hunter2", ""), ("{env:A}x", ""), ("env:", ""), ("$A", "")],
)
def test_a_reference_in_either_form(given_, expected):
    assert secrets.reference(given_) == expected
