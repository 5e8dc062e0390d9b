#!/usr/bin/env bash
# Runs once, on an empty PostgreSQL: creates Cartkey's role and database from the address that Cartkey uses.
set -euo pipefail
url=$(</run/secrets/database_url)
[[ $url =~ ^postgres(ql)?://cartkey:([^@]+)@ ]] || { echo "database_url must begin with postgres://cartkey:PASSWORD@" >&2; exit 1; }
# Through standard input: other users can read a process's arguments.
psql -v ON_ERROR_STOP=1 --username postgres --no-psqlrc <<SQL
CREATE ROLE cartkey LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '${BASH_REMATCH[2]//\'/\'\'}';
CREATE DATABASE cartkey OWNER cartkey;
REVOKE CONNECT ON DATABASE cartkey FROM PUBLIC;
SQL
