# syntax=docker/dockerfile:1
# careen in an image of its own: one static program and the certificates, nothing else, not as root.
#   docker build -t careen . && docker run --rm careen inspect debian:12
# A folder of images: docker run --rm -v "$PWD:/work" careen inspect app.tar
FROM rust:1.95-bookworm AS build
RUN rustup target add x86_64-unknown-linux-musl \
    && apt-get update \
    && apt-get install -y --no-install-recommends musl-tools ca-certificates \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --profile image --target x86_64-unknown-linux-musl --bin careen \
    && install -D target/x86_64-unknown-linux-musl/image/careen /out/usr/bin/careen \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
    && install -d -m 1777 /out/tmp && install -d -o 65532 -g 65532 /out/work

FROM scratch
COPY --from=build /out /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt CAREEN_CACHE_DIR=/tmp/careen
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/usr/bin/careen"]
