# syntax=docker/dockerfile:1
# Cartkey as a container: the program alone, as uid 65532, on a root file system that may be read-only.

FROM rust:1.95-slim-bookworm AS build
# The slim image has the C compiler that ring and SQLite need, so nothing is installed here.
WORKDIR /src
# Dependencies first, with an empty program in our place: they are built again only when Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && cargo build --release --locked --bin cartkey \
    && rm -r src target/release/deps/cartkey* target/release/deps/libcartkey* target/release/.fingerprint/cartkey-*
COPY . .
RUN cargo build --release --locked --bin cartkey
# A new volume takes over the owner and mode of the folder it covers.
RUN install -d -m 0700 /out/var/lib/cartkey /out/etc/cartkey && install -m 0755 target/release/cartkey /out/

# Distroless: glibc, libgcc, the CA roots and a user, and neither shell nor package manager for someone who gets in. The
# program is linked to glibc on purpose: its allocator and resolver are the ones all figures were measured with.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/cartkey /usr/local/bin/cartkey
COPY --from=build --chown=65532:65532 --chmod=0700 /out/var/lib/cartkey /var/lib/cartkey
COPY --from=build --chown=65532:65532 --chmod=0700 /out/etc/cartkey /etc/cartkey
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/cartkey/
# The database and the key ring that opens it lie apart: whoever copies one folder has not the other.
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
