"""What test_live_upgrade and test_live_upgrade_blocked share."""

from collections.abc import Callable

from tests.support.program import Outcome

Checkout = Callable[..., Outcome]


INSTITUTION = (
    "INSERT INTO institutions (name, domain, education_level) VALUES ('A', 'a.example', 'k12')"
)


USER = (
    "INSERT INTO users (institution_id, email, username, role)"
    " SELECT id, 'ann@a.example', 'ann', 'student' FROM institutions"
)


REVISION = '''\
"""A revision of a test."""
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
{body}


def downgrade() -> None:
{back}
'''
