# glibc, certificates and time zones, and no other program. It runs as user 65532.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -o /prices .

FROM gcr.io/distroless/base-debian13:nonroot
COPY --from=build /prices /usr/local/bin/
EXPOSE 8080
CMD ["prices"]
