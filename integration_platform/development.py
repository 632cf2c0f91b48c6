"""Writes var/dev.env: the keys with which development and demo run without typing anything. Kept once written.

python -m integration_platform.development
"""

import secrets
from pathlib import Path

from cryptography.fernet import Fernet

FILE = Path(__file__).resolve().parent.parent / "var" / "dev.env"
INTRODUCTION = "# Made by make for development and the demo on this machine only. A server gets its own keys (docs).\n"


def write_keys(file: Path = FILE) -> bool:
    """Returns whether anything was written: the keys of existing data are never touched, those missing are added."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    text = file.read_text()
    keys = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "CPR_KEY": secrets.token_urlsafe(50),
    }
    has = {line.partition("=")[0] for line in text.splitlines()}
    lines = [f"{name}={key}\n" for name, key in keys.items() if name not in has]
    if not lines:
        return False
    with file.open("a") as end:
        end.write("".join([*([] if text else [INTRODUCTION]), *lines]))
    return True


if __name__ == "__main__":
    write_keys()
