# The same program on musl: it does not start, because its loader is not there.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -o /prices .

FROM alpine:3.24
COPY --from=build /prices /usr/local/bin/
EXPOSE 8080
CMD ["prices"]
