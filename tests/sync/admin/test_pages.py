"""Every page of the console answers, for every role that may see it, and shows what it should."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from sync.models import Run
from tests.browser.seed import seed
from tests.factories import make_run, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return seed()


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user("boss", is_superuser=True))
    return client


def test_every_registered_list_answers_an_administrator(world, boss):
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert boss.get(url).status_code == 200, url


def test_every_registered_add_page_answers_or_refuses(world, boss):
    for model in admin.site._registry:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        assert boss.get(url).status_code in (200, 403), url


def test_front_page(world, boss):
    page = boss.get(reverse("admin:index")).content.decode()
    assert "Nordbyg ApS" in page and "Syd VVS A/S" in page and "Vest-El ApS" in page


def test_record_page_shows_both_sides_and_the_history(world, boss):
    url = reverse("admin:mappings_recordlink_change", args=[world["link"].pk])
    page = boss.get(url).content.decode()
    assert "98 12 34 56" in page and "98 00 00 00" in page
    assert "kontor@example.dk" in page and "hans@example.dk" in page
    assert "?before=" in page


@pytest.mark.parametrize("kind", Run.Kind.values)
@pytest.mark.parametrize("state", Run.State.values)
def test_run_page(world, boss, kind, state):
    run = make_run(world["tenant"], kind, state=state)
    response = boss.get(reverse("admin:sync_run_change", args=[run.pk]))
    assert response.status_code == 200
    assert ("Refresh" in response) == (state in ("queued", "running"))
