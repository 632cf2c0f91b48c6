"""Writes var/dev.env: the keys with which development and demo run without typing anything. Kept once written.

python -m integration_platform.development
"""

import secrets
from pathlib import Path

from cryptography.fernet import Fernet

FILE = Path(__file__).resolve().parent.parent / "var" / "dev.env"


def write_keys(file: Path = FILE) -> bool:
    """Returns whether the file was written; an existing one holds the keys of existing data and is never touched."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return False
    file.write_text(
        "# Made by make for development and the demo on this machine only. A server gets its own keys (docs).\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"CREDENTIAL_KEYS={Fernet.generate_key().decode()}\n"
    )
    return True


if __name__ == "__main__":
    write_keys()
