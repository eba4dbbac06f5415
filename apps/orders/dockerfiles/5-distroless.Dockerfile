# Service and dependencies in one file, on an image with Node.js and no shell, npm or apt.
FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run bundle

# The tag "nonroot" runs as user 65532.
FROM gcr.io/distroless/nodejs26-debian13:nonroot
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/dist/server.cjs ./
EXPOSE 3000
# The image's ENTRYPOINT is Node.js: this is its argument. Exec form, as there is no shell.
CMD ["server.cjs"]
