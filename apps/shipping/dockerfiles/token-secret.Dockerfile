FROM node:26-alpine
WORKDIR /app
COPY vendor ./vendor
RUN --mount=type=secret,id=carrier_token \
    node vendor/unpack.mjs /run/secrets/carrier_token
CMD ["node", "dist/server.mjs"]
