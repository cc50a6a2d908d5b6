"""Groups of users, of which a metric is measured without each."""

from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.aliases import Floats, Index


@dataclass(frozen=True)
class Groups:
    """Groups of users, equally many in each or one more.

    Attributes:
        users: index of the users, those of a group behind each other, [users].
        bounds: where each group begins among them, and where the last one ends, [groups + 1].
    """

    users: Index
    bounds: Index

    @classmethod
    def of(cls, users: Index) -> "Groups":
        """At random, the same at every call.

        Args:
            users: index of the users, [users].
        """
        count = jackknife.groups(len(users))
        return cls(users[jackknife.shuffled(len(users))], np.arange(count + 1) * len(users) // max(count, 1))

    @property
    def each(self) -> Index:
        """The group of each of the users, [users]."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def sums(self, columns: Floats) -> Floats:
        """Sum over each group of what users have in each column.

        Args:
            columns: of all users, [all users, columns].

        Returns:
            [groups, columns]; of equal columns equal to the last bit.
        """
        from scipy import sparse

        # A product with a matrix of ones gathers no rows, and so takes no memory that grows with the users.
        shape = (len(self.bounds) - 1, len(columns))
        ones = sparse.csr_matrix((np.ones(len(self.users)), self.users, self.bounds), shape=shape)
        return np.asarray(ones @ columns)
