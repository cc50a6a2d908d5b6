"""Addresses in Jenkins: one that could mean another job than it says is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.thresholds.jenkins import build_address, is_below, job_address

JOB = "https://jenkins.example.org/job/weighbridge/job/delivery/"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (JOB, JOB),
        (JOB.rstrip("/"), JOB),
        (f" {JOB} ", JOB),
        ("https://Jenkins.Example.org/job/a/", "https://jenkins.example.org/job/a/"),
        ("https://example.org:8443/jenkins/job/a%20b/", "https://example.org:8443/jenkins/job/a%20b/"),
        ("http://localhost:8080/job/a/", "http://localhost:8080/job/a/"),
        ("http://127.0.0.9/job/a/", "http://127.0.0.9/job/a/"),
        ("http://[::1]:80/job/a/", "http://[::1]:80/job/a/"),
    ],
)
def test_an_address_of_a_job_is_taken(given, address):
    assert job_address(given) == address


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not the address of"),
        ("jenkins.example.org/job/a/", "is not the address of"),
        ("https:///job/a/", "is not the address of"),
        ("https://jenkins.example.org/", "is not the address of"),
        ("https://ada:secret@jenkins.example.org/job/a/", "is not the address of"),
        ("https://jenkins.example.org@evil.example.org/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/a/?x=1", "is not the address of"),
        ("https://jenkins.example.org/job/a/#x", "is not the address of"),
        ("https://jenkins.example.org/job/../job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/%2e%2E/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/%252e%252e/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/x%2F..%2Fb/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/x%5C..%5Cb/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/..%3Bx/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job/..;x/job/a/", "is not the address of"),
        ("https://jenkins.example.org/job//job/a/", "is not the address of"),
        ("https://jenkins.example.org/job\\a/", "is not the address of"),
        ("https://jenkins.example.org/job/a\n/", "is not the address of"),
        ("https://jenkins.example.org:port/job/a/", "is not the address of"),
        ("https://[::1/job/a/", "is not the address of"),
        ("ftp://jenkins.example.org/job/a/", "is not the address of"),
        ("http://jenkins.example.org/job/a/", "is not encrypted"),
        ("http://localhost.example.org/job/a/", "is not encrypted"),
        ("http://128.0.0.1/job/a/", "is not encrypted"),
    ],
)
def test_what_is_none_is_refused(text, told):
    with pytest.raises(UsageError, match=told):
        job_address(text)
    with pytest.raises(UsageError):
        build_address(text.rstrip("/") + "/7/")


@pytest.mark.parametrize(
    ("build", "below"),
    [
        (f"{JOB}7/", True),
        (f"{JOB}job/main/7/", True),
        (f"{JOB}job/feature%252Fx/7/", True),
        (f"{JOB}job/main/7", True),
        ("https://jenkins.example.org/job/weighbridge/job/delivery2/7/", False),
        ("https://jenkins.example.org/job/weighbridge/7/", False),
        ("https://jenkins.example.org:444/job/weighbridge/job/delivery/7/", False),
        ("https://evil.example.org/job/weighbridge/job/delivery/7/", False),
    ],
)
def test_a_build_is_below_its_job(build, below):
    assert is_below(build_address(build), JOB) is below


@pytest.mark.parametrize("rest", ["job/main/", "job/main/7/artifact/x/", "job/main/07/", "job/main/last/", "ws/7/"])
def test_what_lies_below_a_job_and_is_no_build_of_it_is_none(rest):
    try:
        address = build_address(JOB + rest)
    except UsageError:
        return
    assert not is_below(address, JOB)


@given(st.text(st.sampled_from("job/.%2eEfF;\\7a:@"), max_size=40))
def test_whatever_counts_as_below_stays_below(rest):
    try:
        address = build_address(JOB + rest)
    except UsageError:
        return
    if is_below(address, JOB):
        assert address.startswith(JOB)
        names = address.removeprefix(JOB).strip("/").split("/")
        assert names[:-1:2] == ["job"] * (len(names) // 2)
        assert names[-1].isdigit()
        assert not {".", ".."} & set(names)
