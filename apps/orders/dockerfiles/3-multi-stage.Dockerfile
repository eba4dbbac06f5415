# Build in one stage, run in another: TypeScript and the other tools stay behind.
FROM node:26-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

# A stage of its own: it runs beside the build, and npm's cache stays here.
FROM node:26-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:26-trixie-slim
ENV NODE_ENV=production
WORKDIR /app
# What changes least comes first. package.json says that dist/*.js are ES modules.
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY --from=build /app/dist ./dist
# The image's user "node". As a number, Kubernetes can check it (runAsNonRoot).
USER 1000:1000
EXPOSE 3000
# Node.js itself, not npm: it is PID 1 and gets the signals.
CMD ["node", "dist/server.js"]
