# One stage: the compiler, git and everything else ship with the service.
FROM golang:1.24-trixie
WORKDIR /src
COPY . .
# Compiled packages are kept from one build to the next.
RUN --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -o /usr/local/bin/prices .
EXPOSE 8080
CMD ["prices"]
