#!/bin/sh
# Starts dockerd as the official image does: on /var/run/docker.sock, and on TCP 2376 with TLS, or
# on TCP 2375 without where DOCKER_TLS_CERTDIR is empty. Client certificates: DIR/client.
set -eu

# make_certificate NAME EXTENSION...: key and certificate in $tls/NAME, signed by the CA in $tls/ca
make_certificate() {
  name=$1
  shift
  mkdir -p "$tls/$name"
  printf '%s\n' "$@" > "$tls/$name/extensions.cnf"
  openssl req -newkey rsa:2048 -nodes -subj "/CN=docker $name" \
    -keyout "$tls/$name/key.pem" -out "$tls/$name/request.pem" 2>/dev/null
  openssl x509 -req -in "$tls/$name/request.pem" -days 825 -CAcreateserial \
    -CA "$tls/ca/cert.pem" -CAkey "$tls/ca/key.pem" \
    -extfile "$tls/$name/extensions.cnf" -out "$tls/$name/cert.pem" 2>/dev/null
  cp "$tls/ca/cert.pem" "$tls/$name/ca.pem"
  rm "$tls/$name/request.pem" "$tls/$name/extensions.cnf"
}

make_certificates() {
  tls=$1
  mkdir -p "$tls/ca"
  if [ ! -s "$tls/ca/key.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=docker ca" -days 825 \
      -keyout "$tls/ca/key.pem" -out "$tls/ca/cert.pem" 2>/dev/null
  fi
  names="DNS:docker,DNS:localhost,DNS:$(hostname)"
  for address in $(ip -oneline address | awk '{ sub("/.*", "", $4); print $4 }'); do
    names="$names,IP:$address"
  done
  make_certificate server "subjectAltName=$names"
  make_certificate client "extendedKeyUsage=clientAuth"
  chmod 0644 "$tls/client/key.pem"
}

# With control groups of version 2 a group that holds processes cannot pass controllers on.
nest_cgroups() {
  [ -f /sys/fs/cgroup/cgroup.controllers ] || return 0
  mkdir -p /sys/fs/cgroup/init
  while read -r pid; do
    echo "$pid" > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true  # it ended meanwhile
  done < /sys/fs/cgroup/cgroup.procs
  sed -e 's/ / +/g' -e 's/^/+/' < /sys/fs/cgroup/cgroup.controllers \
    > /sys/fs/cgroup/cgroup.subtree_control
}

case "${1-}" in
  '' | -*)
    certificates=${DOCKER_TLS_CERTDIR-}
    if [ -n "$certificates" ]; then
      make_certificates "$certificates"
      set -- --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert="$certificates/server/ca.pem" \
        --tlscert="$certificates/server/cert.pem" --tlskey="$certificates/server/key.pem" "$@"
    else
      set -- --host=tcp://0.0.0.0:2375 --tls=false "$@"
    fi
    set -- dockerd --host=unix:///var/run/docker.sock "$@"
    ;;
esac
if [ "$1" = dockerd ]; then
  rm -f /var/run/docker.pid /run/docker/containerd/containerd.pid
  nest_cgroups
  mount --make-rshared /
  export container=docker
fi
exec "$@"
