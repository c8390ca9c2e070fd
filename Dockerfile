# Holdfast's command line in a container: `docker build -t holdfast .` in a clone.
FROM node:24-slim AS build
WORKDIR /holdfast
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm pack --pack-destination /tmp

FROM node:24-slim
COPY --from=build /tmp/holdfast-*.tgz /tmp/
# The package has no install scripts, and needs none.
RUN npm install --global --ignore-scripts --no-audit --no-fund /tmp/holdfast-*.tgz \
  && npm cache clean --force \
  && rm /tmp/holdfast-*.tgz
USER node
WORKDIR /home/node
ENTRYPOINT ["holdfast"]
CMD ["--help"]
