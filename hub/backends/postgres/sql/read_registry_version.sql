select version from registry_versions
