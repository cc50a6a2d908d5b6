"""Groups of users, of which metrics are measured without each."""

import numpy as np
import pytest

from weighbridge.components.evaluator.ranking.groups import Groups


@pytest.mark.parametrize("users", [1, 7, 200, 201, 1234])
def test_every_user_is_in_one_group_of_about_the_same_size(users: int) -> None:
    members = np.arange(users) * 2
    groups = Groups.of(members)
    assert sorted(groups.users) == members.tolist()
    sizes = np.bincount(groups.each)
    assert len(sizes) == min(users, 200)
    assert sizes.max() - sizes.min() <= 1
    assert (Groups.of(members).users == groups.users).all()


def test_sums_are_those_of_each_group() -> None:
    rng = np.random.default_rng(0)
    columns = rng.random((3000, 3))
    groups = Groups.of(np.flatnonzero(rng.random(3000) < 0.5))
    sums = groups.sums(columns)
    for group in (0, 57, 199):
        np.testing.assert_allclose(sums[group], columns[groups.users[groups.each == group]].sum(axis=0))
    assert (groups.sums(np.array(columns)) == sums).all()
