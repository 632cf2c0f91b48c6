"""What an administrator installs is well-formed, names what exists, and agrees with itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*"))


def of_metrics() -> set[str]:
    source = (ROOT / "integration_platform" / "metrics.py").read_text(encoding="utf-8")
    return set(re.findall(r'"(platform_\w+)"', source))


def test_rules_and_dashboard_ask_for_figures_that_exist():
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    said = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((DEPLOY / "monitoring" / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert said and asked
    for expression in said + asked:
        named = set(re.findall(r"platform_\w+", expression))
        assert named <= of_metrics(), expression
    assert {name for each in asked for name in re.findall(r"platform_\w+", each)} == of_metrics()


def test_every_rule_says_what_to_do():
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert {"summary", "action"} <= set(rule["annotations"]), rule["alert"]
        assert rule["for"] and rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.compose-spec", "docker/compose.yaml")],
)
def test_compose_has_the_form_of_its_schema(schema, file):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(DEPLOY / file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_kubernetes_takes_the_manifests():
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", str(DEPLOY / "kubernetes" / "platform.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document["spec"]["template"]["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def test_nothing_in_a_container_runs_as_root_or_gains_rights():
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "platform.yaml").read_text(encoding="utf-8")))
    deployments = [each for each in documents if each["kind"] == "Deployment"]
    assert len(deployments) == 2
    for deployment in deployments:
        assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
        for container in containers(deployment):
            context = container["securityContext"]
            assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
    dockerfile = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "\nUSER 10001\n" in dockerfile and "HEALTHCHECK" in dockerfile


def test_web_and_worker_are_started_alike_everywhere():
    """Makefile, services and containers: one command each."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    options = "--worker-class gthread"
    places = [
        makefile.replace("$(THREADS)", "8").replace("\\\n\t\t", ""),
        (DEPLOY / "systemd" / "integration-web.service").read_text(encoding="utf-8"),
        re.sub(r'", "', " ", (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")),
    ]
    for text in places:
        found = re.search(
            r"gunicorn integration_platform\.wsgi --bind \S+ (--worker-class.*?)\"?\]?$", text, re.MULTILINE
        )
        assert found and found[1] == f"{options} --threads 8 --workers 2 --preload --no-control-socket", text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
def test_systemd_understands_the_units(tmp_path):
    """What they name stands elsewhere on a server: the files are laid out there as they would be here."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        text = re.sub(r"/opt/integration/\S+", "/bin/true", text).replace("WorkingDirectory=/opt/integration", "")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if str(tmp_path) in line]
    assert ours == []


@pytest.mark.parametrize("name", ["integration-web.service", "integration-worker.service"])
def test_services_may_do_little(name):
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    for setting in ("NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "CapabilityBoundingSet=\n"):
        assert setting in text, setting
    assert "User=integration" in text and "Restart=always" in text


@pytest.mark.parametrize("script", ["install.sh", "backup.sh"])
def test_the_scripts_can_be_read_by_a_shell(script):
    path = DEPLOY / script
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")
