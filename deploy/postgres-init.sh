#!/usr/bin/env bash
# Runs once, on an empty PostgreSQL: the role and the database of Cartkey, from the address that Cartkey itself is given.
set -euo pipefail
url=$(</run/secrets/database_url)
[[ $url =~ ^postgres(ql)?://cartkey:([^@]+)@ ]] || { echo "database_url must begin with postgres://cartkey:PASSWORD@" >&2; exit 1; }
# By standard input: the arguments of a process can be read by others.
psql -v ON_ERROR_STOP=1 --username postgres --no-psqlrc <<SQL
CREATE ROLE cartkey LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${BASH_REMATCH[2]//\'/\'\'}';
CREATE DATABASE cartkey OWNER cartkey;
REVOKE CONNECT ON DATABASE cartkey FROM PUBLIC;
SQL
