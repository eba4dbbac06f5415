# One file: a static program on nothing at all.
FROM golang:1.24-trixie AS build
WORKDIR /src
COPY . .
ENV CGO_ENABLED=0
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -ldflags="-s -w" -o /prices .

FROM scratch
COPY --from=build /prices /prices
USER 65532:65532
EXPOSE 8080
CMD ["/prices"]
