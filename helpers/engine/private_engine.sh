#!/bin/sh
# Runs dockerd in a file system of its own. Called by private.py in a new mount namespace:
#   private_engine.sh ROOTFS ENGINE_FOLDER BRIDGE BRIDGE_CIDR DOCKERD_ARGUMENT...
# pivot_root, not chroot: under a chroot, commands that the engine runs for a privileged container
# (exec, HEALTHCHECK) would see the host's root file system.
set -eu
ROOTFS=$1 ENGINE=$2 BRIDGE=$3 CIDR=$4
shift 4

mount --make-rprivate /
mount --bind "$ROOTFS" "$ROOTFS"
for dir in proc sys dev; do mount --rbind "/$dir" "$ROOTFS/$dir"; done
# crun refuses cgroup v1 with the unified hierarchy mounted beside it ("hybrid").
if grep -q " $ROOTFS/sys/fs/cgroup/unified " /proc/self/mountinfo; then
    umount "$ROOTFS/sys/fs/cgroup/unified"
fi
# Sockets and state of one run: gone with the engine, and apart from others in the same tree.
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$ROOTFS/run"
mkdir -p "$ROOTFS$ENGINE"
mount --bind "$ENGINE" "$ROOTFS$ENGINE"
# A resolver on the loopback (systemd-resolved) is of no use to containers; its own list is.
if [ -e /run/systemd/resolve/resolv.conf ]; then
    cp /run/systemd/resolve/resolv.conf "$ROOTFS/etc/resolv.conf"
else
    cp -L /etc/resolv.conf "$ROOTFS/etc/resolv.conf"
fi
# The host's certificate authorities, so that pulls work behind a TLS-inspecting proxy.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    cp -L /etc/ssl/certs/ca-certificates.crt "$ROOTFS/etc/ssl/certs/ca-certificates.crt"
fi
cd "$ROOTFS"
mkdir -p .old
pivot_root . .old
cd /
umount -l /.old

# On the engine's disk, under a short name: BuildKit puts sockets of SSH agents there, and a Unix
# socket's path has at most 107 bytes.
rm -rf "$ENGINE/tmp"
mkdir -p "$ENGINE/tmp"
mount --bind "$ENGINE/tmp" /var/tmp
export DOCKER_TMPDIR=/var/tmp

ip link show "$BRIDGE" >/dev/null 2>&1 || ip link add "$BRIDGE" type bridge
ip address replace "$CIDR" dev "$BRIDGE"
ip link set "$BRIDGE" up

exec dockerd "$@"
