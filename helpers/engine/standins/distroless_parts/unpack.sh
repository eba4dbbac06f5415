#!/bin/sh
# unpack.sh LAYER PACKAGE...: unpack downloaded Debian packages without installing them. No
# maintainer script runs. What dpkg would record goes where scanners look for it in a distroless
# image: /var/lib/dpkg/status.d/PACKAGE and PACKAGE.md5sums.
set -eu
layer=$1
shift
status="$layer/var/lib/dpkg/status.d"
mkdir -p "$status"
for package; do
  deb=$(echo debs/"$package"_*.deb)
  dpkg-deb --extract "$deb" "$layer"
  dpkg-deb --field "$deb" > "$status/$package"
  dpkg-deb --info "$deb" md5sums > "$status/$package.md5sums"
done
