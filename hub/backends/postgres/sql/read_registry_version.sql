select version, (select version from revocation_versions) as revocation_version from registry_versions
