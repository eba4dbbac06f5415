# The same on a smaller base image: no compilers, but still all development dependencies.
FROM node:26-trixie-slim
WORKDIR /app

# The manifests come before the source: an edit in src/ leaves the installation in the cache.
# No install scripts: esbuild's binary comes as an ordinary optional dependency.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts

COPY . .
RUN npm run build
EXPOSE 3000
CMD ["npm", "start"]
