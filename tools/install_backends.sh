#!/usr/bin/env bash
# Installs what some tests run against, where this is Debian and we may: PostgreSQL, a clock that is wrong,
# and the compiler of protos for languages we ship nothing for.
# On a laptop it is enough to have `initdb` on the PATH; tests whose backend is missing are skipped and say so.
set -eu
missing=()
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing+=(postgresql)
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing+=(libfaketime)
{ command -v protoc && command -v grpc_cpp_plugin && ls /usr/include/google/protobuf/timestamp.proto; } >/dev/null 2>&1 ||
  missing+=(protobuf-compiler protobuf-compiler-grpc libprotobuf-dev)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "install ${missing[*]}, for the tests that need it" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Of PostgreSQL only the programs: tests start clusters of their own.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
