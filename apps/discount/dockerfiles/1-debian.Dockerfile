# A native program on a small Debian.
FROM golang:1.24-trixie AS build
COPY discount.c .
RUN gcc -O2 -s -o /discount discount.c

FROM debian:trixie-slim
COPY --from=build /discount /discount
ENTRYPOINT ["/discount"]
CMD ["tea=12@350"]
