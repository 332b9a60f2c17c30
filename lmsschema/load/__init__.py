"""``lmsschema load``: learning events and records of other systems into the schema's tables.

:mod:`lmsschema.load.run` reads a source line by line (:mod:`lmsschema.load.source`), has a format
make records of the lines (:mod:`lmsschema.load.xapi`, :mod:`lmsschema.load.caliper`,
:mod:`lmsschema.load.edx`), finds out whom they are about (:mod:`lmsschema.load.identity`), and
writes a batch with the position that was reached in one transaction
(:mod:`lmsschema.load.write`). Lines that can't be loaded are kept (:mod:`lmsschema.load.rejects`).
Rosters (:mod:`lmsschema.load.oneroster`, :mod:`lmsschema.load.oulad`) are written as a whole by
:mod:`lmsschema.load.roster`. Sessions are computed by ``lmsschema rollup``.
"""
