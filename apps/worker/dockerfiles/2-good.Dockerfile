# Stage "build": pip and its cache stay here.
FROM python:3.13-slim-trixie AS build
WORKDIR /app
# The packages first: as long as they stay the same, the installation comes from the cache.
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --require-hashes --target packages -r requirements.txt

# Python without a shell, pip or apt. The tag "nonroot" runs as user 65532.
FROM gcr.io/distroless/python3-debian13:nonroot
WORKDIR /app
ENV PYTHONPATH=/app/packages \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ALIVE_FILE=/tmp/worker-alive
COPY --from=build /app/packages ./packages
COPY worker ./worker
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s --retries=3 \
    CMD ["/usr/bin/python3.13", "-m", "worker.alive"]
# The image's ENTRYPOINT is Python: these are its arguments. It is process 1 and gets the signals.
CMD ["-m", "worker"]
