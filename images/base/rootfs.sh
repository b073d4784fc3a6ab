#!/bin/sh
# Writes the root file system of the base image: Debian bookworm with its Python 3.11, apt, and nothing of the machine that made it.
# usage: rootfs.sh OUTPUT.tar SOURCES APT_CONF: a sources.list for bookworm in the one-line format, and this machine's apt settings
set -eu
output=$1
sources=$2
settings=$3

# Pinned times make the same packages give the same bytes.
export SOURCE_DATE_EPOCH=1700000000

set -- --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright'
for folder in man locale info lintian; do
  set -- "$@" --dpkgopt="path-exclude=/usr/share/$folder/*"
done

# Nothing in a container has a use for set-user-id programs. The sources would name this machine's mirror.
mmdebstrap --variant=apt --format=tar --quiet --keyring=/usr/share/keyrings --aptopt="$settings" \
  --include=python3,python3-venv,ca-certificates,libgomp1,libstdc++6 \
  "$@" \
  --customize-hook='find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +' \
  --customize-hook='rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/* "$1/etc/resolv.conf" "$1/etc/hostname"' \
  --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/debconf/*-old "$1"/var/log/* "$1"/var/lib/dpkg/*-old' \
  bookworm "$output" "$sources"
