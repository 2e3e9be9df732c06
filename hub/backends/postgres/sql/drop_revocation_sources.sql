-- $1 the sources that are still wanted
delete from revocation_sources where source <> all($1::text[])
