# Cartkey as a container: only the binary, as uid 65532; the root file system can be read-only. Needs BuildKit, which is in every
# Docker since 23 (20.10: DOCKER_BUILDKIT=1), and nothing from the internet but the two base images and the crates.
#
#   docker build --build-arg CARTKEY_COMMIT="$(git log -1 --abbrev=12 --format='%h %cs')" .   the version names the commit
#   docker build --build-arg BINARY=prebuilt .                                               a binary made outside: ./dist/cartkey

ARG BINARY=build

FROM scratch AS prebuilt
COPY dist/cartkey /out/cartkey
WORKDIR /out/var/lib/cartkey
WORKDIR /out/etc/cartkey

FROM rust:1.95-slim-bookworm AS build
# The slim image has the C compiler that ring and SQLite need, so nothing is installed here.
WORKDIR /src
# Dependencies first, with an empty program: they are rebuilt only when Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && cargo build --release --locked --bin cartkey \
    && rm -r src target/release/deps/cartkey* target/release/deps/libcartkey* target/release/.fingerprint/cartkey-*
COPY . .
ARG CARTKEY_COMMIT=
RUN cargo build --release --locked --bin cartkey
RUN install -d /out/var/lib/cartkey /out/etc/cartkey && install -m 0755 target/release/cartkey /out/

FROM ${BINARY} AS binary

# Distroless: glibc, libgcc, the CA certificates and a user; no shell or package manager for an intruder. Linking to glibc is
# deliberate: all benchmarks were made with its allocator and resolver.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=binary --chmod=0755 /out/cartkey /usr/local/bin/cartkey
# A new volume inherits owner and mode of the directory that it is mounted on.
COPY --from=binary --chown=65532:65532 --chmod=0700 /out/var/lib/cartkey /var/lib/cartkey
COPY --from=binary --chown=65532:65532 --chmod=0700 /out/etc/cartkey /etc/cartkey
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/cartkey/
# Database and key ring are in separate directories, so that a copy of one does not include the other.
ENV CARTKEY_LISTEN=0.0.0.0:8080 \
    CARTKEY_DATABASE_URL=sqlite:/var/lib/cartkey/cartkey.db \
    CARTKEY_MASTER_KEY=/etc/cartkey/master.key \
    CARTKEY_LOG_FORMAT=json
VOLUME ["/var/lib/cartkey", "/etc/cartkey"]
WORKDIR /var/lib/cartkey
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/cartkey", "doctor", "--live"]
ENTRYPOINT ["/usr/local/bin/cartkey"]
CMD ["serve"]
