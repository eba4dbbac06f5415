# A static program on certificates, time zones and users.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags="-s -w" -o /prices .

FROM gcr.io/distroless/static-debian13:nonroot
COPY --from=build /prices /usr/local/bin/
EXPOSE 8080
CMD ["prices"]
