FROM node:26-alpine
WORKDIR /app
COPY vendor ./vendor
ARG CARRIER_TOKEN
RUN node vendor/unpack.mjs
CMD ["node", "dist/server.mjs"]
