"""A temporary server in a container, through testcontainers and any Docker engine that answers."""

import contextlib
import gc
import os
import secrets
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from lmsschema.errors import LmsschemaError
from lmsschema.testing import settings

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "lmsschema.testing.run"
_IN_MEMORY = "/in-memory"


def engine() -> "DockerClient | None":
    """Return a client of the Docker engine that answers, or None."""
    hints = [
        Path("/var/run/docker.sock"),
        Path(os.environ.get("XDG_RUNTIME_DIR", "/run"), "docker.sock"),
        Path.home() / ".docker",
        Path.home() / ".testcontainers.properties",
    ]
    if "DOCKER_HOST" not in os.environ and not any(hint.exists() for hint in hints):
        return None  # without the imports, which take most of a second
    try:
        from docker.errors import DockerException
        from testcontainers.core.docker_client import DockerClient as Engine
    except ImportError:
        return None
    with contextlib.suppress(DockerException, OSError):
        client = Engine().client
        client.ping()
        return client
    with warnings.catch_warnings():  # the client leaves its socket to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return None


def start(image: str, run: str) -> str:
    """Start a server from ``image``; return the server's URL.

    The container is labelled with the run's name, and the run's owner stops it. The reaper of
    testcontainers is not used: it would stop the server when the worker that started it ends,
    although other workers still use it.

    Args:
        image: The image's name.
        run: The run's name.

    Raises:
        LmsschemaError: The image can't be pulled, or its server does not start.
    """
    from docker.errors import DockerException
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.core.config import testcontainers_config as config
    from testcontainers.core.exceptions import ContainerConnectException, ContainerStartException

    options = [f"--{name}={value}" for name, value in settings.SERVER.items()]
    container = PostgresContainer(
        image,
        username="postgres",
        password=secrets.token_hex(8),
        dbname="postgres",
        driver=None,
        command=options,
        env={"PGDATA": f"{_IN_MEMORY}/data"},
        labels={LABEL: run},
        shm_size="512m",
    )
    container.with_tmpfs_mount(_IN_MEMORY)
    failures = (DockerException, ContainerStartException, ContainerConnectException, TimeoutError)
    reaper, config.ryuk_disabled = config.ryuk_disabled, True
    try:
        container.start()
    except failures as error:
        container.stop()
        raise LmsschemaError(
            f"the server in the image {image} did not start: {error}",
            hint="Set LMSSCHEMA_TEST_IMAGE to an image that the engine has or can pull.",
        ) from error
    finally:
        config.ryuk_disabled = reaper
    return container.get_connection_url()


def remove(run: str) -> None:
    """Remove the run's container and its volume, also if the server never started."""
    client = engine()
    if client is None:
        return
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={run}"}):
        container.remove(force=True, v=True)
