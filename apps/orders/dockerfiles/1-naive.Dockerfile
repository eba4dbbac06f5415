# One stage on the full image: everything that built the service ships with it.
FROM node:26-trixie
WORKDIR /app
COPY . .
RUN npm install
RUN npm run build
EXPOSE 3000
CMD ["npm", "start"]
