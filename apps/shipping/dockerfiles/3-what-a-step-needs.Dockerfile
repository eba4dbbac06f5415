FROM node:26-alpine
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY src ./src
RUN npm run build
COPY data ./data
CMD ["node", "dist/server.mjs"]
