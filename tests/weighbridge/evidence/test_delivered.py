import pytest

from weighbridge.evidence.delivered import Delivered


def delivered(path: str = "/models/production/3", stage: str = "production", **values) -> Delivered:
    return Delivered.at(path, path.rpartition("/")[2], stage, **{"already": False} | values)


@pytest.mark.parametrize(
    ("given", "passed", "told"),
    [
        (delivered(), True, ("version 3 in", "/models/production")),
        (delivered("gs://models/staging/2", "staging"), True, ("version 2 at staging", "gs://models/staging")),
        (delivered(already=True), True, ("already in production as version 3, in", "/models/production")),
        (delivered("/s/2", "staging", already=True), True, ("already at staging as version 2, in", "/s")),
        (delivered("/c/2", "canary"), False, ("refused, yet version 2 at canary", "/c")),
        (Delivered(destination="/models/production", stage="production"), True, ("a version in", "/models/production")),
        (Delivered(), False, ("nowhere: refused", "")),
        (Delivered(), True, ("nowhere: no step pushed it", "")),
    ],
)
def test_it_is_told_in_words_and_an_address(given, passed, told):
    assert given.told(passed=passed) == told


def test_no_secret_is_kept():
    assert delivered("https://me:secret@host/models/3").destination == "https://***@host/models"
