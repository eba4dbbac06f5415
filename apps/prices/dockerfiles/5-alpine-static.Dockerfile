# A static program needs no loader, so it runs on musl, too.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags="-s -w" -o /prices .

FROM alpine:3.24
COPY --from=build /prices /usr/local/bin/
EXPOSE 8080
CMD ["prices"]
