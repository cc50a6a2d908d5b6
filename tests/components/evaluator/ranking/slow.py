"""The metrics by their definitions, one user and one item at a time; shares no code with the real ones."""

import math
from collections.abc import Sequence


def listed(recommended: Sequence[int], cutoff: int) -> list[int | None]:
    """The items down to the cutoff, None where one comes again, is not in the catalogue, or there is none."""
    seen: set[int] = set()
    result: list[int | None] = []
    for item in list(recommended)[:cutoff]:
        result.append(None if item < 0 or item in seen else int(item))
        seen.add(int(item))
    return result


def user_metric(metric: str, cutoff: int, recommended: Sequence[int], relevant: set[int]) -> float:
    """One user's recall, precision, hit_rate, ndcg or mrr."""
    ranks = [rank for rank, item in enumerate(listed(recommended, cutoff), 1) if item in relevant]
    if metric == "recall":
        return len(ranks) / len(relevant)
    if metric == "precision":
        return len(ranks) / cutoff
    if metric == "hit_rate":
        return 1.0 if ranks else 0.0
    if metric == "mrr":
        return 1 / ranks[0] if ranks else 0.0
    gained = sum(1 / math.log2(rank + 1) for rank in ranks)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(cutoff, len(relevant)) + 1))


def value(
    metric: str,
    cutoff: int,
    lists: Sequence[Sequence[int]],
    truth: Sequence[Sequence[int]],
    past: Sequence[Sequence[int]],
    items: int,
) -> float:
    """A metric over the users who have anything to be found."""
    judged = [user for user, relevant in enumerate(truth) if relevant]
    popularity = [sum(item in set(own) for own in past) / len(past) for item in range(items)]
    kept = {user: [item for item in listed(lists[user], cutoff) if item is not None] for user in judged}
    if metric == "coverage":
        return len({item for own in kept.values() for item in own}) / items
    if metric == "novelty":
        bits = [
            sum(-math.log2(popularity[item] or 1 / len(past)) for item in own) / len(own)
            for own in kept.values()
            if own
        ]
        return sum(bits) / len(bits) if bits else math.nan
    if metric == "popularity_lift":
        pairs = [
            (
                sum(popularity[item] for item in kept[user]) / len(kept[user]),
                sum(popularity[item] for item in set(past[user])) / len(set(past[user])),
            )
            for user in judged
            if kept[user] and past[user]
        ]
        return sum(new for new, _ in pairs) / sum(old for _, old in pairs) - 1 if pairs else math.nan
    return sum(user_metric(metric, cutoff, lists[user], set(truth[user])) for user in judged) / len(judged)
