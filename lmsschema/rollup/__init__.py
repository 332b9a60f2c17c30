"""``lmsschema rollup``: what the schema's functions compute, called until nothing is left.

:mod:`lmsschema.rollup.stages` lists what is computed, :mod:`lmsschema.rollup.run` calls it, a
transaction a step, and :mod:`lmsschema.rollup.status` says how far it is. docs/rollups.md says what
the functions do.
"""
