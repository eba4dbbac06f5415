FROM node:26-alpine
WORKDIR /app
COPY . .
RUN npm ci --ignore-scripts
RUN npm run build
CMD ["node", "dist/server.mjs"]
