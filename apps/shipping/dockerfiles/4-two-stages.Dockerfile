FROM node:26-alpine AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN npm run build

FROM node:26-alpine AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:26-alpine
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY data ./data
COPY --from=build /app/dist ./dist
CMD ["node", "dist/server.mjs"]
