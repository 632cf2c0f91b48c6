"""Both remote systems, simulated, with the demo's companies; and a way to run a command like a person does."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.core.management import call_command

from tests.simulators.core import serve
from tests.simulators.intempus import IntempusSimulator
from tests.simulators.seeds import demo_seed
from tests.simulators.uniconta import UnicontaSimulator

#: Planted where secrets belong; no output may contain the word.
UNICONTA_PASSWORD, INTEMPUS_KEY, HOOK = "planted-password", "planted-api-key", "planted-hook-0123456789"


@dataclass
class World:
    uniconta: UnicontaSimulator
    intempus: IntempusSimulator
    uniconta_url: str
    intempus_url: str


@pytest.fixture
def world() -> Iterator[World]:
    seed = demo_seed(uniconta_password=UNICONTA_PASSWORD, nordbyg_api_key=INTEMPUS_KEY)
    uniconta, intempus = UnicontaSimulator(data=seed), IntempusSimulator(data=seed)
    with serve(uniconta) as served_uniconta, serve(intempus) as served_intempus:
        yield World(uniconta, intempus, served_uniconta.url, served_intempus.url)


@pytest.fixture(autouse=True)
def environment(monkeypatch) -> None:
    """What a consultant exports before onboarding."""
    monkeypatch.setenv("NORDBYG_UNICONTA_PASSWORD", UNICONTA_PASSWORD)
    monkeypatch.setenv("NORDBYG_INTEMPUS_KEY", INTEMPUS_KEY)
    monkeypatch.setenv("NORDBYG_HOOK", HOOK)


@pytest.fixture
def run() -> Callable[..., str]:
    """Run a command; returns what it printed. CommandError is what a person sees with exit code 1."""

    def call(*arguments: str, **options) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=out, no_color=True, **options)
        return out.getvalue()

    return call
