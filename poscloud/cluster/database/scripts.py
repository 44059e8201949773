"""The shell scripts that run in a MySQL's container. Its own environment has root's password: none ever goes there.

The container's image has sh, mysql and a program that dumps; passwords reach these by the environment, SQL by files in
memory that nobody else can read.
"""

from __future__ import annotations

from poscloud.render.mysqlstart import RUN_PATH

_CLIENT = f"""\
set -eu
umask 077
export MYSQL_PWD="$MYSQL_ROOT_PASSWORD"
fail() {{ echo "$1" >&2; exit 1; }}
client() {{
  mysql --no-defaults --socket={RUN_PATH}/mysqld.sock --user=root --default-character-set=utf8mb4 --batch \\
    --skip-column-names "$@"
}}
"""

ASK = f"""{_CLIENT}
client --execute="$1"
"""
"""Runs the statements ``$1``, which everybody on the node can read, and writes what they find, one row a line."""

DUMP = f"""{_CLIENT}
dump=$(command -v mysqldump || command -v mariadb-dump) || fail "the image has neither mysqldump nor mariadb-dump"
exec "$dump" --no-defaults --socket={RUN_PATH}/mysqld.sock --user=root --default-character-set=utf8mb4 \\
  --single-transaction --routines --triggers --events --hex-blob --loose-set-gtid-purged=OFF --databases "$@"
"""
"""Writes databases ``$@`` with all that is in them as SQL."""

# All SQL comes first, by its size: a connection that is lost meanwhile leaves everything as it was; one that is lost
# later ends nothing. A lock of the server, held by a client that ends with this script, keeps two from running at once.
RUN = f"""{_CLIENT}
trap '' PIPE HUP
total=$1 holder=
shift
new=$(mktemp -d {RUN_PATH}/poscloud.XXXXXX)
end() {{
  code=$?
  trap - EXIT
  [ -z "$holder" ] || kill "$holder" 2> /dev/null || true
  rm -rf "$new"
  exit $code
}}
trap end EXIT
trap 'exit 1' INT TERM
head -c "$total" > "$new/all"
[ "$(wc -c < "$new/all")" -eq "$total" ] || {{ echo "the SQL did not arrive as a whole" >&2; exit 73; }}
mkfifo "$new/held"
{{
  echo "SELECT GET_LOCK('poscloud.reinit', 3);"
  while kill -0 $$ 2> /dev/null; do
    echo 'DO 0;'
    sleep 1
  done
}} 2> /dev/null | client --unbuffered > "$new/held" 2>&1 &
holder=$!
read -r got < "$new/held" || got=
[ "$got" != 0 ] || exit 74
[ "$got" = 1 ] || {{ echo "$got" >&2; exit 73; }}
# A script that was killed leaves the client of its piece behind.
left=$(client --execute="SELECT IFNULL(IS_USED_LOCK('poscloud.piece'), '')")
[ -z "$left" ] || client --execute="KILL $left" || true
for old in {RUN_PATH}/poscloud.*; do
  [ "$old" = "$new" ] || rm -rf "$old"
done
piece() {{ client --init-command="DO GET_LOCK('poscloud.piece', 10)" "$@" < "$new/piece"; }}
while [ $# -gt 0 ]; do
  label=$1 database=$2 offset=$3 size=$4
  shift 4
  [ -z "$label" ] || echo "$label" 2> /dev/null || true
  tail -c "+$((offset + 1))" "$new/all" | head -c "$size" > "$new/piece"
  if [ "$database" ]; then
    piece --database="$database" || fail "$label failed, see above"
  else
    piece || fail "${{label:-a statement of poscloud}} failed, see above"
  fi
done
"""
"""Runs pieces of SQL one after the other: ``$1`` bytes come in all; then for each its label, database, place, size."""

NOTHING_DONE, UNDER_WAY = 73, 74
"""Exit codes of ``RUN`` when it changed nothing; the second, because another one runs."""
