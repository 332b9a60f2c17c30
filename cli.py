"""Launcher for a checkout: ``python cli.py upgrade``."""

import sys

from lmsschema.__main__ import main

sys.exit(main())
