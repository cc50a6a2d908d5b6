"""Licences as SPDX expressions, from what distributions say of them."""

from email.parser import HeaderParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.sbom import licences
from weighbridge.sbom.kinds import kind_of
from weighbridge.sbom.licences import Licence, licence_of, spdx, spdx_of_text

MIT = """MIT License
Permission is hereby granted, free of charge, to any person obtaining a copy of this software …
The above copyright notice and this permission notice shall be included in all copies …"""
BSD2 = """Redistributions of source code must retain the above copyright notice.
* Redistributions in binary form must reproduce the above copyright notice."""
BSD3 = f"""{BSD2}
Neither the name of the owner … may be used to endorse or promote products derived from this software."""
APACHE = "Licensed under the Apache License,\nVersion 2.0; you may not use it except in compliance with the License."


class _Installed:
    """Stands for an installed distribution with a `.dist-info`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder


def told(fields: str, folder: Path, **files: str) -> Licence:
    for name, text in files.items():
        (folder / name).write_text(text)
    head = HeaderParser().parsestr(f"Name: some\nVersion: 1\n{fields}\n")
    return licence_of("some", head, _Installed(folder))


@pytest.mark.parametrize(
    ("fields", "expression", "source"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0", "License-Expression"),
        ("License-Expression: mit", "MIT", "License-Expression"),
        ("License: Apache License, Version 2.0", "Apache-2.0", "License"),
        ("License: apache-2.0", "Apache-2.0", "License"),
        ("License: MPL-2.0 AND MIT", "MPL-2.0 AND MIT", "License"),
        ("License: new BSD", "BSD-3-Clause", "License"),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT", "classifiers"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License (ISCL)", "ISC", "classifiers"),
        (
            "Classifier: License :: DFSG approved\nClassifier: License :: OSI Approved :: MIT License",
            "MIT",
            "classifiers",
        ),
        (f"License: {MIT.replace(chr(10), chr(10) + '        ')}", "MIT", "License"),
    ],
)
def test_what_tells_a_licence(tmp_path, fields, expression, source):
    assert told(fields, tmp_path) == Licence(expression, source=source)


@pytest.mark.parametrize(
    ("text", "expression"), [(MIT, "MIT"), (BSD2, "BSD-2-Clause"), (BSD3, "BSD-3-Clause"), (APACHE, "Apache-2.0")]
)
def test_a_file_tells_what_the_fields_leave_open(tmp_path, text, expression):
    assert told("License-File: LICENSE", tmp_path, LICENSE=text) == Licence(expression, source="licence file")


def test_a_file_says_which_bsd_licence_it_is(tmp_path):
    fields = "License: BSD\nClassifier: License :: OSI Approved :: BSD License"
    assert told(fields, tmp_path, LICENSE=BSD3).expression == "BSD-3-Clause"


def test_two_licences_are_not_made_one(tmp_path):
    two = "Classifier: License :: OSI Approved :: BSD License\nClassifier: License :: OSI Approved :: MIT License"
    assert told(two, tmp_path) == Licence(names=("BSD License", "MIT License"), source="classifiers")
    assert told(two, tmp_path, LICENSE=MIT).expression == ""  # it leaves one out
    assert told("", tmp_path, LICENSE=MIT + BSD3).expression == ""
    assert spdx_of_text(MIT + BSD3) == ""


def test_a_file_that_contradicts_the_fields_decides_nothing(tmp_path):
    found = told("Classifier: License :: OSI Approved :: BSD License", tmp_path, LICENSE=MIT)
    assert found == Licence(names=("BSD License",), source="classifiers")


@pytest.mark.parametrize("fields", ["", "License: UNKNOWN", "License:", "Classifier: License :: OSI Approved"])
def test_nothing_is_guessed(tmp_path, fields):
    found = told(fields, tmp_path)
    assert (found, found.told) == (Licence(), "not told")


def test_bsd_alone_is_no_licence():
    assert spdx("BSD") == ""
    assert spdx("BSD OR nobody knows") == ""


@given(st.text(max_size=400))
def test_any_text_is_an_expression_or_none(text):
    found = spdx(text)
    assert found == "" or kind_of(Licence(found)) != "not told"
    spdx_of_text(text)


def test_a_review_speaks_for_its_version_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(licences, "reviewed", lambda: {("some", "1"): Licence("MIT", source="reviewed")})
    assert told("", tmp_path).source == "reviewed"
    assert told("License: ISC", tmp_path).expression == "ISC"  # what a distribution tells comes first
    monkeypatch.setattr(licences, "reviewed", lambda: {("some", "2"): Licence("MIT", source="reviewed")})
    assert told("", tmp_path) == Licence()


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MIT", "permissive"),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", "weak copyleft"),
        ("GPL-3.0-only OR MIT", "permissive"),
        ("GPL-3.0-only AND MIT", "copyleft"),
        ("GPL-3.0-only WITH GCC-exception-3.1", "weak copyleft"),
        ("AGPL-3.0-or-later", "not to be shipped"),
        ("AGPL-3.0-only WITH GCC-exception-3.1", "not to be shipped"),
        ("MIT AND SSPL-1.0", "not to be shipped"),
        ("CC-BY-NC-4.0", "not to be shipped"),
        ("BUSL-1.1", "not to be shipped"),
        ("Sendmail", "not known"),
    ],
)
def test_what_a_licence_asks(expression, kind):
    assert kind_of(Licence(expression)) == kind


def test_what_words_ask():
    assert kind_of(Licence(names=("Other/Proprietary License",))) == "not to be shipped"
    assert kind_of(Licence(names=("BSD License",))) == "not known"
    assert kind_of(Licence()) == "not told"
