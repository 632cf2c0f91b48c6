"""Whether this installation can be called at all: its own public address, asked as a remote system would."""

from __future__ import annotations

from http import HTTPStatus

import requests

SECONDS = 5.0


def can_be_reached(public_url: str) -> bool:
    """Whether our web server answers at its public address. Through the proxy and the certificate, like a change URL call."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"{public_url}/healthz", timeout=SECONDS, allow_redirects=False)
        except (requests.RequestException, OSError):
            return False
        return answer.status_code == HTTPStatus.OK
