"""How a MySQL starts: filled once, all or nothing; its users and their passwords as described, at every start."""

from __future__ import annotations

from poscloud.spec import MySQLSpec

CONFIG_PATH = "/etc/mysql"
INIT_PATH = "/etc/mysql-init"
RUN_PATH = "/run/mysqld"
VOLUME_PATH = "/var/lib/mysql"

# Not the image's entry point: one that is killed while it fills the data folder takes the half for the whole next
# time. MySQL 5.6 and MariaDB are filled by mysql_install_db, later ones by themselves; and the former
# know no ALTER USER … IDENTIFIED BY, the latter no GRANT … IDENTIFIED BY (5.7 knows both).
_SCRIPT = """\
set -eu
umask 077
data={volume}/data new={volume}/new accounts={run}/accounts.sql conf={config}/my.cnf pid=

fail() {{
  echo "poscloud: $1" >&2
  if [ "$pid" ] && kill $pid 2> /dev/null; then wait $pid || true; fi
  exit 1
}}

# A word as a string of SQL; by standard input, because arguments are seen by all.
literal() {{
  [ "$(printf '%s\\n' "$1" | wc -l)" -eq 1 ] || fail "a password has more than one line"
  printf '%s' "$1" | sed -e 's/\\\\/\\\\\\\\/g' -e "s/'/''/g" -e "s/^/'/" -e "s/\\$/'/"
}}

case "$(mysqld --no-defaults --version)" in
  *MariaDB*) server=mariadb ;;
  *"Ver 5.6."*) server=old ;;
  *) server=new ;;
esac

# account USER HOST PASSWORD RIGHTS…: make it, or give it this password. (No echo: some take \\ for an escape.)
account() {{
  word=$(literal "$3")
  if [ $server = new ]; then
    printf '%s;\n' "CREATE USER IF NOT EXISTS '$1'@'$2'" "ALTER USER '$1'@'$2' IDENTIFIED BY $word" \
      "GRANT $4 TO '$1'@'$2' $5"
  else
    printf '%s;\n' "GRANT $4 TO '$1'@'$2' IDENTIFIED BY $word $5"
  fi
}}

# Run by the server before anybody can connect, at every start.
{{
  echo "SET SESSION sql_mode = '';"
{statements}
}} > $accounts

if [ ! -d $data ]; then
  echo "poscloud: first start"
  rm -rf $new
  mkdir $new
  case $server in
    mariadb) mysql_install_db --defaults-file=$conf --datadir=$new --auth-root-authentication-method=normal ;;
    old) mysql_install_db --defaults-file=$conf --datadir=$new --rpm --keep-my-cnf ;;
    new) mysqld --defaults-file=$conf --datadir=$new --initialize-insecure ;;
  esac
  trap 'fail "asked to stop during the first start"' TERM
  socket={run}/init.sock
  mysqld --defaults-file=$conf --datadir=$new --socket=$socket --skip-networking --init-file=$accounts &
  pid=$!
  export MYSQL_PWD="$MYSQL_ROOT_PASSWORD"
  until mysqladmin --no-defaults --socket=$socket --user=root ping > /dev/null 2>&1; do
    kill -0 $pid 2> /dev/null || fail "the server ended, see above"
    sleep 1
  done
  client() {{
    mysql --no-defaults --socket=$socket --user=root --default-character-set=utf8mb4 --batch --skip-column-names "$@"
  }}
  # Users without password that some versions begin with, and their database.
  client --execute="SELECT CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host), ';') FROM mysql.user
    WHERE user = '' OR (user = 'root' AND host NOT IN ('localhost', '%'))" | client
  client --execute="DELETE FROM mysql.db WHERE user = ''; DROP DATABASE IF EXISTS test; FLUSH PRIVILEGES"
{initial}  kill $pid
  wait $pid || fail "the server did not stop, see above"
  trap - TERM
  unset MYSQL_PWD
  sync
  mv $new $data
  echo "poscloud: first start done"
fi
unset MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
exec mysqld --defaults-file=$conf --init-file=$accounts
"""

_INITIAL = """\
  for piece in {init}/*.sql; do
    echo "poscloud: initial SQL ${{piece##*/}}"
    client {database}< "$piece" || fail "initial SQL ${{piece##*/}} failed, see above; nothing of it is kept"
  done
"""


def start_script(spec: MySQLSpec) -> str:
    """Return the shell script that starts the server.

    The data is in a folder of the volume (some volumes begin with a folder of their own, which would be taken for a
    database), made under another name and renamed when all initial SQL has been run: a start that was killed or
    whose SQL failed is begun anew. Passwords come from the environment and go by files in memory, never by arguments.
    """
    statements = [_database(spec, name) for name in spec.databases]
    everything = "'ALL PRIVILEGES ON *.*' 'WITH GRANT OPTION'"
    statements.append(f'  account root localhost "$MYSQL_ROOT_PASSWORD" {everything}')
    if spec.user:
        for name in spec.databases:
            pattern = name.replace("_", "\\_")
            statements.append(
                f"  account {spec.user} % \"$MYSQL_PASSWORD\" 'ALL PRIVILEGES ON `{pattern}`.*' ''"
            )
        # Root from elsewhere is for where there is no other user; there may have been none before.
        statements.append("  account root % \"$MYSQL_ROOT_PASSWORD\" 'USAGE ON *.*' ''")
        statements.append("""  echo "DROP USER 'root'@'%';\"""")
    else:
        statements.append(f'  account root % "$MYSQL_ROOT_PASSWORD" {everything}')
    database = f"--database='{spec.databases[0]}' " if spec.databases else ""
    initial = _INITIAL.format(init=INIT_PATH, database=database) if spec.init_sql else ""
    return _SCRIPT.format(
        volume=VOLUME_PATH,
        run=RUN_PATH,
        config=CONFIG_PATH,
        statements="\n".join(statements),
        initial=initial,
    )


def create_statement(spec: MySQLSpec, name: str) -> str:
    """Return the SQL that makes a described database where it is missing."""
    collation = f" COLLATE {spec.collation}" if spec.collation else ""
    return f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET {spec.charset}{collation};"


def initial_pieces(spec: MySQLSpec) -> dict[str, str]:
    """Return the initial SQL by the names that its pieces have in the cluster, in its order."""
    return {
        f"{i:03}{f'-{piece.name}' if piece.name else ''}.sql".replace(".sql.sql", ".sql"): piece.sql or ""
        for i, piece in enumerate(spec.init_sql, 1)
    }


def _database(spec: MySQLSpec, name: str) -> str:
    return f"  echo '{create_statement(spec, name)}'"
