#!/bin/sh
# Makes what the store serves, in store/files: the jars of two versions, and the git repository of the C service.
# Needs a JDK 17 or newer, Maven, a C compiler, make and git. POSCLOUD_APPS_TARGET: another folder than store/files.
set -eu
cd "$(dirname "$0")"
target=${POSCLOUD_APPS_TARGET:-$PWD/store/files}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/files/jars"

jar() { # NAME VERSION: a copy is built, so that this folder stays as it is
  [ -d "$work/$1" ] || cp -r "$1-java" "$work/$1"
  mvn -q -B -ntp -f "$work/$1/pom.xml" package -Drevision="$2"
  mkdir -p "$work/files/jars/$1/$2"
  cp "$work/$1/target/$1-$2.jar" "$work/files/jars/$1/$2/"
  (cd "$work/files/jars/$1/$2" && sha256sum "$1-$2.jar" >"$1-$2.jar.sha256")
}
jar eureka v1
jar orders v1
jar orders v2

# Program and configuration files in the repository's root, as document 000 has it.
repository="$work/account"
mkdir "$repository"
make -s -C account-c -f "$PWD/account-c/Makefile" OUT="$repository/account"
cp account-c/account.ini* "$repository/"
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
export GIT_CONFIG_GLOBAL=/dev/null
git -c init.defaultBranch=main init -q "$repository"
git -C "$repository" add -A
git -C "$repository" -c user.name=shop -c user.email=shop@example.com commit -q -m 'account v1'
git -C "$repository" tag v1
mkdir "$work/files/git"
git clone -q --bare "$repository" "$work/files/git/account.git"
git -C "$work/files/git/account.git" update-server-info # for a server of plain files

chmod -R a+rX "$work/files"
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/files" "$target"
