#!/bin/sh
# Starts the whole fleet in containers, and says where it is. Any further words go to `docker compose up`, as in
# `./start-system.sh --scale worker=8`. It ends with `docker compose down` (`-v` forgets its data, too).
set -eu
cd "$(dirname "$0")"

fail() {
    echo "start-system.sh: $*" >&2
    exit 69
}

command -v docker >/dev/null || fail "docker is not installed; see https://docs.docker.com/engine/install"
docker version >/dev/null || fail "the container engine does not answer; its own message is above"
if docker compose version >/dev/null 2>&1; then
    compose="docker compose"
elif command -v docker-compose >/dev/null; then
    compose=docker-compose
else
    fail "docker compose is not installed: apt-get install docker-compose, or see https://docs.docker.com/compose/install"
fi

if ! docker image inspect "${MUSTER_IMAGE:-muster:latest}" >/dev/null 2>&1; then
    # With a Swift toolchain at hand this takes minutes less, and no registry.
    if command -v swift >/dev/null && command -v make >/dev/null; then
        IMAGE=${MUSTER_IMAGE:-muster:latest} make image
    else
        $compose build token
    fi
fi

# The client's: made here it is this user's, made by the engine it would be root's.
mkdir -p "${MUSTER_PICTURES:-pictures}"

# shellcheck disable=SC2086 # two words where compose is a part of docker
$compose up -d "$@"

# Every container that checks its health has to be well; those that ran once have nothing to say.
waited=0
while :; do
    # shellcheck disable=SC2046 # one word each
    ill=$(docker inspect --format '{{if .State.Health}}{{if ne .State.Health.Status "healthy"}}{{.Name}} {{end}}{{end}}' \
        $($compose ps -q) | tr -d '\n')
    [ -n "$ill" ] || break
    if [ "$waited" -ge 120 ]; then
        $compose ps >&2
        fail "after 2 minutes these are not well: $ill; '$compose logs' says why"
    fi
    sleep 1
    waited=$((waited + 1))
done

host=${MUSTER_PUBLISH:-127.0.0.1}
[ "$host" != 0.0.0.0 ] || host=$(hostname)
cat <<END
The fleet is up:
  coordinator   http://$host:8080    a picture: http://$host:8080/mandelbrot.png
  origin        http://$host:9000    an image:  http://$host:9000/images/1
  edges         http://$host:8001    http://$host:8002    http://$host:8003

  a child:      curl -X POST http://$host:8080/create-child
  its numbers:  curl http://$host:8080/progress
  as admin:     $compose exec -u 10001 coordinator muster jobs
  more workers: $compose up -d --scale worker=8
  images:       $compose run --rm client        (saved in ${MUSTER_PICTURES:-pictures})
  what happens: $compose logs -f
  the end:      $compose down
END
