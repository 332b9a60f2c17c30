"""The files that run the partition manager: each is run, or checked by what will read it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import psycopg
import pytest
import yaml

from tests.support import events
from tests.support.program import Program

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def service(upgraded_url: str, tmp_path: Path) -> dict[str, str]:
    """What a job finds on its machine: the service `lms`, and the program on its PATH."""
    parameters = psycopg.conninfo.conninfo_to_dict(upgraded_url)
    lines = [f"{key}={value}" for key, value in parameters.items()]
    (tmp_path / "pg_service.conf").write_text("\n".join(["[lms]", *lines]) + "\n")
    program = tmp_path / "bin" / "lmsschema"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lmsschema "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}:/usr/bin:/bin",
        "PGSERVICEFILE": str(tmp_path / "pg_service.conf"),
        "SHELL": "/bin/sh",
        "HOME": str(tmp_path),
    }


def run_and_check(command: str, environment: dict[str, str], url: str) -> None:
    """Run a job's command as its runner does, when a month is missing and when none is."""
    with psycopg.connect(url, autocommit=True) as conn:
        events.drop(conn, events.name(3))
        for _ in range(2):
            done = subprocess.run(
                ["/bin/sh", "-c", command],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert events.name(3) in events.partitions(conn)


def test_the_crontab_line(service: dict[str, str], upgraded_url: str) -> None:
    """Cron mails whatever a job prints: nothing, if all is well."""
    environment = dict(service)
    jobs = []
    for line in (DEPLOY / "crontab").read_text().splitlines():
        if line.startswith("#") or not line:
            continue
        if setting := re.fullmatch(r"([A-Z_]+)=(\S+)", line):
            where = f"{service['PATH']}:" if setting[1] == "PATH" else ""
            environment[setting[1]] = where + setting[2]
            continue
        job = re.fullmatch(r"((?:[\d*/,-]+ ){5})(\w+) (.+)", line)
        assert job, line
        jobs.append(job[3])
    assert len(jobs) == 1
    assert "%" not in jobs[0]  # cron reads it as a line's end
    run_and_check(jobs[0], environment, upgraded_url)


def test_the_systemd_unit_runs(service: dict[str, str], upgraded_url: str) -> None:
    text = (DEPLOY / "lmsschema-partitions.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    settings = dict(re.findall(r"^Environment=(\w+)=(\S+)$", text, re.MULTILINE))
    run_and_check(command, service | settings, upgraded_url)


@pytest.mark.parametrize(
    "unit",
    [
        f"lmsschema-{job}.{kind}"
        for job in ("partitions", "rollup")
        for kind in ("service", "timer")
    ],
)
def test_the_systemd_units_are_units(unit: str) -> None:
    """By systemd's own verifier, where there is one; by their sections elsewhere."""
    text = (DEPLOY / unit).read_text()
    assert re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)[0] == "Unit"
    assert all(re.fullmatch(r"(\[\w+\]|[A-Za-z]+=.+|#.*|)", line) for line in text.splitlines())
    if program := shutil.which("systemd-analyze"):
        done = subprocess.run(
            [program, "verify", "--man=no", DEPLOY / unit],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_the_timer_starts_every_night() -> None:
    text = (DEPLOY / "lmsschema-partitions.timer").read_text()
    assert "OnCalendar=*-*-* 03:17:00" in text
    assert "Persistent=true" in text  # a machine that slept makes up for it


@pytest.mark.parametrize("name", ["cronjob.yaml", "cronjob-rollup.yaml"])
def test_the_kubernetes_manifest(name: str) -> None:
    manifest: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    for version in ("1.27", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_kubernetes_job_runs(service: dict[str, str], upgraded_url: str) -> None:
    manifest: dict[str, Any] = yaml.safe_load((DEPLOY / "cronjob.yaml").read_text())
    (container,) = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    environment = service | {one["name"]: upgraded_url for one in container["env"]}
    run_and_check(" ".join(container["args"]), environment, upgraded_url)


def test_the_jobs_of_rollups_run(service: dict[str, str], upgraded_url: str) -> None:
    """Cron, systemd and Kubernetes call the same command, which is silent."""
    texts = [
        (DEPLOY / name).read_text()
        for name in ("crontab-rollup", "lmsschema-rollup.service", "cronjob-rollup.yaml")
    ]
    cron, unit = (text.splitlines() for text in texts[:2])
    (container,) = yaml.safe_load(texts[2])["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "containers"
    ]
    command = " ".join(container["args"])
    assert cron[-1] == f"*/5 * * * * postgres {command}"
    assert f"ExecStart=/usr/bin/env {command}" in unit
    assert "OnCalendar=*:00/5" in (DEPLOY / "lmsschema-rollup.timer").read_text()
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=service | {"PGSERVICE": "lms"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with psycopg.connect(upgraded_url) as conn:
        assert conn.execute("SELECT count(*) FROM rollup_state").fetchone() == (2,)


def test_the_alert_rules_ask_for_metrics_that_there_are(
    lmsschema: Program, upgraded_url: str
) -> None:
    rules: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text())
    told = lmsschema("partitions", "check", "--format", "prometheus", "--url", upgraded_url).out
    metrics = set(re.findall(r"^# TYPE (\w+) gauge$", told, re.MULTILINE))
    asked = set()
    for group in rules["groups"]:
        assert set(group) == {"name", "rules"}
        for rule in group["rules"]:
            assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
            asked |= set(re.findall(r"lmsschema_\w+", rule["expr"]))
    assert asked == metrics
    if program := shutil.which("promtool"):
        subprocess.run([program, "check", "rules", DEPLOY / "prometheus-rules.yaml"], check=True)
