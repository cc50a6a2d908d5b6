"""What requests by urllib have in common: redirects are not followed, and credentials are shown nowhere."""

import base64
import urllib.request
from typing import Any

from weighbridge.common.text import hide


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: where it leads is not the server that was named."""

    def redirect_request(self, *_: Any) -> None:
        """No request follows."""
        return


def basic_credentials(user: str, password: str) -> dict[str, str]:
    """The header of basic authentication (RFC 7617); from now on it and the password are left out of all that is shown.

    Args:
        user: a name, without a colon.
        password: of it, or a token.
    """
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    hide(password)
    hide(encoded)
    return {"Authorization": f"Basic {encoded}"}
