"""The container files name things that exist, and agree with the commands they run."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from ltxplatform.management.commands.demo import live_command
from ltxplatform.management.commands.runworkers import STOP_SECONDS, queues

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "db"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s", text).group(1))


@pytest.mark.parametrize("name", [name for name in OURS if "command" in OURS[name] and name != "live"])
def test_each_service_runs_a_command_that_takes_its_options(name: str) -> None:
    python, script, command, *options = OURS[name]["command"]

    assert (python, script) == ("python", "manage.py")
    found = load_command_class(get_commands()[command], command)
    found.create_parser("manage.py", command).parse_args(options)


def test_the_live_process_is_started_as_in_the_demo() -> None:
    command = OURS["live"]["command"]
    here = [str(part) for part in live_command(8001)]

    assert command[0] == "granian"
    assert set(command[1:]) - set(here) == {command[command.index("--host") + 1]}
    assert set(here[3:]) - set(command) == {"127.0.0.1"}
    assert OURS["live"]["ports"] == ["127.0.0.1:8001:8001"]


def test_every_queue_has_a_container_that_outlives_its_drain() -> None:
    graces = {
        service["command"][-1]: seconds(service["stop_grace_period"])
        for service in OURS.values()
        if "runworkers" in service.get("command", [])
    }

    assert set(graces) == set(queues())
    assert all(grace > STOP_SECONDS.get(queue, 30) for queue, grace in graces.items())


def test_all_wait_for_migrations_and_come_back_after_a_crash() -> None:
    for name, service in OURS.items():
        awaited = (
            {"db": "service_healthy"} if name == "migrate" else {"migrate": "service_completed_successfully"}
        )
        assert {key: value["condition"] for key, value in service["depends_on"].items()} == awaited
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


def test_secrets_come_from_files_and_each_is_declared() -> None:
    for service in SERVICES.values():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        for variable, value in service["environment"].items():
            assert not re.search("PASSWORD|KEY|DATABASE_URL", variable) or variable.endswith("_FILE")
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_the_image_copies_every_package_and_runs_unprivileged() -> None:
    copied = re.findall(r"^COPY ([^ ]+) [^ ]+$", DOCKERFILE, flags=re.MULTILINE)

    assert all((ROOT / path).exists() for path in copied)
    assert {"accounts", "billing", "generations", "ltxplatform", "templates"} <= set(copied)
    assert not {"sandbox", "tests"} & set(copied)
    assert "requirements/base.txt" in copied
    assert DOCKERFILE.rindex("USER ltxplatform") < DOCKERFILE.rindex("CMD")


def test_the_makefile_has_what_its_help_promises() -> None:
    makefile = (ROOT / "Makefile").read_text()
    promised = re.findall(r'@echo "make (\w+)', makefile)

    assert {"demo", "test", "check"} <= set(promised)
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in promised)


def test_the_example_environment_is_all_comments_and_names_known_variables() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    names = {found.group(1) for line in lines if (found := re.match(r"# ([A-Z_]+)=", line))}
    guide = (ROOT / "docs" / "operators.md").read_text()

    assert all(not line or line.startswith("#") for line in lines)
    assert names
    assert all(f"`{name}`" in guide for name in names)


def test_the_operators_guide_lists_every_variable_that_is_read() -> None:
    sources = [ROOT / "ltxplatform" / "settings.py", *(ROOT / "ltxplatform").rglob("commands/*.py")]
    calls = r'env\.(?:text|secret|boolean|integer|choice|items|address|database)\(\s*"([A-Z_]+)"'
    read = {name for source in sources for name in re.findall(calls, source.read_text())}
    guide = (ROOT / "docs" / "operators.md").read_text()

    assert {name for name in read if f"`{name}`" not in guide} == set()


def test_commands_in_the_guide_exist() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text()
    named = {shlex.split(found)[0] for found in re.findall(r"manage\.py ([a-z_]+)", guide)}

    assert named <= set(get_commands()), named - set(get_commands())
