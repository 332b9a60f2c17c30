-- comment_on(catalog, object, column): the comment on an object in a catalog, 0 for no column. PostgreSQL's functions
-- for it are SQL functions, which cost ten times as much a call.
SELECT des.description
FROM pg_catalog.pg_description AS des
WHERE des.objoid = %(object)s AND des.classoid = %(catalog)s AND des.objsubid = %(column)s
