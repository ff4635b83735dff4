# One image for every role. `make image` puts the binary of this machine into it (target `prebuilt`); a plain
# `docker build .`, or `make image-full`, builds the binary inside (target `full`, the last). Both bases are arguments, for
# places where no registry is reached: Scripts/base-image and Scripts/swift-base make them from what a machine has.
ARG RUNTIME_BASE=debian:bookworm-slim
ARG SWIFT_BASE=swift:6.2-bookworm

FROM ${RUNTIME_BASE} AS runtime
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libmicrohttpd12 libpq5 libroaring0 libsqlite3-0 libssl3 libwslay1 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/man/* \
    && find /usr/share/doc -mindepth 2 ! -type d ! -name copyright -delete \
    && groupadd --gid 10001 muster \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin muster \
    # Nobody becomes another user by a program of this image.
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && mkdir /data /work && chown 10001:10001 /data /work \
    && ln -s /opt/muster/muster /usr/local/bin/muster
# Every flag has such a variable; flags win over them.
ENV MUSTER_HOST=0.0.0.0 MUSTER_DATA=/data
# What a client writes goes into /work, everything else into /data: mount folders or volumes there to keep them. The image asks
# for no volume itself: each container without one would leave one behind that nobody finds.
WORKDIR /work
# Coordinator, origin, edges 1 to 3.
EXPOSE 8080 9000 8001 8002 8003
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["muster", "health", "--ready"]
ENTRYPOINT ["tini", "--", "muster"]
CMD ["coordinator", "--open-classic", "--launcher", "docker"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Muster" \
    org.opencontainers.image.description="Turns machines and containers into one ranked fleet" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"

# The build context is a folder with the licence and the binary. Builders that go through all stages come by here without one,
# which a pattern forgives.
FROM runtime AS prebuilt
COPY LICENSE muste[r] /opt/muster/
# The licences of all that is in the image: beside the program, and by packages in /usr/share/doc.
USER 0:0
RUN [ ! -e /opt/muster/muster ] || muster notices --system --quiet /opt/muster
USER 10001:10001

FROM ${SWIFT_BASE} AS builder
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        binutils libcurl4-openssl-dev libmicrohttpd-dev libpq-dev libqrcodegen-dev libroaring-dev libsqlite3-dev libssl-dev \
        libwslay-dev make pkg-config zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG REVISION=unknown
RUN swift build -c release --static-swift-stdlib --product muster \
    && if [ "$REVISION" != unknown ]; then Scripts/stamp .build/release/muster "$(printf %.12s "$REVISION")"; fi \
    && strip -o /muster .build/release/muster

FROM runtime AS full
COPY LICENSE /opt/muster/
COPY --from=builder /muster /opt/muster/muster
USER 0:0
RUN muster notices --system --quiet /opt/muster
USER 10001:10001
