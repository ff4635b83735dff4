#!/usr/bin/env bash
# Found with: Podman 4.3.1 with catatonit 0.1.7 and runc 1.1.5 (Debian 12: podman 4.3.1+ds1-8+deb12u1+b3, catatonit 0.1.7-1+b2).
#
# What is done: `podman run` is asked for a program that the image does not have, without and with --init.
# Expected: exit code 127 both times. podman-run(1) says so of a program that cannot be found, and --init only puts a first process
# beside it that reaps others.
# Real: with --init it is 1. The runtime finds catatonit, which then cannot execute the program, says so on standard error and
# ends with 1: the same as any program's own failure. Docker's init ends with 127 there, so a caller that tells "not found" from
# "failed" by the code is right with one engine and wrong with the other.
# Seen: 'without: 127', 'with: 1', 'ERROR (catatonit:N): failed to exec pid1: No such file or directory'.
# What helps: the words on standard error, which begin with "ERROR (catatonit".
#
# Exits 0 while it is so, 1 when it has changed. Needs root, apt-get and dpkg-deb; writes to a temporary folder only.
set -euo pipefail
place=$(mktemp -d)
trap 'umount "$place"/store/overlay 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download podman=4.3.1+ds1-8+deb12u1+b3 catatonit=0.1.7-1+b2 runc=1.1.5+ds1-1+deb12u1 \
    busybox-static=1:1.35.0-4+deb12u1+b1 conmon libdevmapper1.02.1 libgpgme11 libassuan0 libsubid4 libseccomp2 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
mkdir -p image/bin settings .config/containers
printf '{"default":[{"type":"insecureAcceptAnything"}]}' >.config/containers/policy.json
cp root/bin/busybox image/bin/
cat >settings/containers.conf <<CONF
[engine]
conmon_path = ["$place/root/usr/bin/conmon"]
[engine.runtimes]
runc = ["$place/root/usr/sbin/runc"]
CONF
podman() {
    env LD_LIBRARY_PATH="$place/root/usr/lib/$(uname -m)-linux-gnu:$place/root/lib/$(uname -m)-linux-gnu" \
        HOME="$place" CONTAINERS_CONF="$place/settings/containers.conf" "$place/root/usr/bin/podman" --root "$place/store" \
        --runroot "$place/run" --storage-driver vfs --cgroup-manager cgroupfs --runtime "$place/root/usr/sbin/runc" "$@"
}
tar -C image -c . | podman import - image:1 >/dev/null 2>&1
run=(run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
without=0
podman "${run[@]}" image:1 /nosuch 2>/dev/null || without=$?
with=0
podman "${run[@]}" --init --init-path "$place/root/usr/bin/catatonit" image:1 /nosuch 2>said || with=$?
echo "without: $without"
echo "with: $with"
cat said
[ "$without" = 127 ] && [ "$with" = 1 ] && grep -q '^ERROR (catatonit.*No such file' said
