"""The Prometheus that live canaries are judged by: whether it answers, and whether its clock is right."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from weighbridge.common.environment import PROMETHEUS_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.doctor.finding import Finding

_ABOUT = "prometheus"
_TIMEOUT_S = 3.0


def prometheus() -> Iterator[Finding]:
    """Whether something answers at the address as Prometheus does, takes the credentials, and knows the time."""
    address = os.environ.get(PROMETHEUS_VARIABLE, "").strip()
    if not address:
        yield Finding(_ABOUT, "ok", f"{PROMETHEUS_VARIABLE} is not set: only live canaries need it")
        return
    from weighbridge.rollout.prometheus import Prometheus
    from weighbridge.rollout.watch import MOST_SKEW_S

    try:
        server = Prometheus(address, timeout_s=_TIMEOUT_S, pause=lambda seconds: None)
        skew = (server.now() - datetime.now(UTC)).total_seconds()
    except InfrastructureError as error:
        mend = f"Is it up, and is this the address? curl -sS {address.rstrip('/')}/-/ready"
        yield Finding(_ABOUT, "wrong", error.message, mend, retryable=True)
        return
    except UsageError as error:
        yield Finding(_ABOUT, "wrong", error.message, error.hint)
        return
    if abs(skew) > MOST_SKEW_S:
        found = f"{server.address}: its clock differs from this machine's by {abs(skew):,.0f} s"
        yield Finding(_ABOUT, "wrong", found, "Set both by NTP: a canary is held as long as they differ.")
        return
    yield Finding(_ABOUT, "ok", f"{server.address} answers")
