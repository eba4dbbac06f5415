FROM node:26-alpine
WORKDIR /app
COPY vendor ./vendor
COPY carrier.token ./
RUN node vendor/unpack.mjs carrier.token
RUN rm carrier.token
CMD ["node", "dist/server.mjs"]
