# A component and its manifest: what `spin up`, or a containerd with Spin's shim, takes.
FROM python:3.13-slim-trixie AS build
# componentize-py looks for packages in the virtual environment that is active.
RUN python3 -m venv /venv
ENV VIRTUAL_ENV=/venv PATH=/venv/bin:$PATH
WORKDIR /src
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -q --require-hashes -r requirements.txt
# The manifest is not among them: a grant can change without a new component.
COPY *.py ./
RUN componentize-py -w spin-http componentize app -o app.wasm

FROM scratch
COPY --from=build /src/app.wasm /app.wasm
COPY spin.toml /spin.toml
