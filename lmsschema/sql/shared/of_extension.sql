-- of_extension(catalog, object): whether an object belongs to an extension.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_depend AS ext
        WHERE ext.classid = %(catalog)s AND ext.objid = %(object)s AND ext.deptype = 'e'
    )
