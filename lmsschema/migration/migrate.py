"""What other rooms call of this one; each function is in the module of its noun."""

from lmsschema.migration.downgrade import downgrade
from lmsschema.migration.position import current, pending
from lmsschema.migration.stamp import stamp
from lmsschema.migration.upgrade import Upgrade, upgrade

__all__ = ["Upgrade", "current", "downgrade", "pending", "stamp", "upgrade"]
