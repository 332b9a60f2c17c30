"""The application's tables in the tests' databases."""

import os
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def migrate(url: str) -> None:
    """Bring a database that is at lmsschema's head to the application's, too."""
    os.environ["BOOKMARKS_URL"] = url.replace("postgresql://", "postgresql+psycopg://")
    command.upgrade(Config(HERE / "alembic.ini"), "bookmarks@head")
    ensure = [sys.executable, "-m", "lmsschema", "partitions", "ensure", "-q", "--url", url]
    subprocess.run(ensure, cwd=HERE, check=True)  # the weeks of lmsschema.toml
