# The same rule in Go, as a WebAssembly module: the Go runtime comes with it.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY go .
ENV GOOS=wasip1 GOARCH=wasm
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags="-s -w" -o /discount.wasm .

FROM scratch
COPY --from=build /discount.wasm /discount.wasm
ENTRYPOINT ["/discount.wasm"]
CMD ["tea=12@350"]
