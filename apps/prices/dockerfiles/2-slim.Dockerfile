# Debian with a shell and apt, and the program that gcc linked with glibc.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -o /prices .

FROM debian:trixie-slim
COPY --from=build /prices /usr/local/bin/
EXPOSE 8080
CMD ["prices"]
