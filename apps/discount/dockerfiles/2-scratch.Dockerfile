# The same program, linked statically, on nothing.
FROM golang:1.24-trixie AS build
COPY discount.c .
RUN gcc -O2 -s -static -o /discount discount.c

FROM scratch
COPY --from=build /discount /discount
ENTRYPOINT ["/discount"]
CMD ["tea=12@350"]
