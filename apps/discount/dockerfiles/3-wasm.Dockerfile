# The same program as a WebAssembly module on nothing.
FROM ghcr.io/webassembly/wasi-sdk:wasi-sdk-27 AS build
COPY discount.c .
RUN $CC $CFLAGS $LDFLAGS -Os -s -o /discount.wasm discount.c

FROM scratch
COPY --from=build /discount.wasm /discount.wasm
ENTRYPOINT ["/discount.wasm"]
CMD ["tea=12@350"]
