"""Manifests that are right, and the way to spoil them."""

from __future__ import annotations

from typing import Any

from helpers.judge.verdict import Verdict
from helpers.observe.compose import ComposeRequest, read_compose
from helpers.observe.image_facts import ImageFacts
from helpers.observe.kubernetes import KubernetesRequest, read_kubernetes
from helpers.observe.requests import Observations
from helpers.observe.wasm_spin import SpinRequest, read_spin

from .factories import verdict

COMPOSE = """\
name: shop

x-hardened: &hardened
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  read_only: true
  restart: unless-stopped
  mem_limit: 256m
  cpus: 0.5
  pids_limit: 100
  logging:
    driver: local

services:
  api:
    <<: *hardened
    build: .
    user: "10001:10001"
    ports:
      - "127.0.0.1:8080:3000"
    environment:
      DATABASE_PASSWORD_FILE: /run/secrets/db_password
      LOG_LEVEL: info
    secrets:
      - db_password
    tmpfs:
      - /tmp:size=16m
    stop_grace_period: 30s
    healthcheck:
      test: ["CMD", "/app/health"]
      interval: 10s
    depends_on:
      db:
        condition: service_healthy
      migrate:
        condition: service_completed_successfully

  migrate:
    <<: *hardened
    image: shop/migrate:1.4.0
    restart: "no"
    user: "10001"
    depends_on:
      db:
        condition: service_healthy

  db:
    <<: *hardened
    image: postgres:17.2
    user: postgres
    cap_add: [NET_BIND_SERVICE]
    volumes:
      - data:/var/lib/postgresql/data
      - type: tmpfs
        target: /run/postgresql
    environment:
      - POSTGRES_PASSWORD_FILE=/run/secrets/db_password
    secrets: [db_password]
    healthcheck:
      test: pg_isready -U shop || exit 1

volumes:
  data:

secrets:
  db_password:
    file: ./db_password.txt
"""

POD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  labels:
    app.kubernetes.io/name: api
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: api
  template:
    metadata:
      labels:
        app.kubernetes.io/name: api
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 45
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile:
          type: RuntimeDefault
      initContainers:
        - name: migrate
          image: shop/migrate:1.4.0
          resources:
            limits: {cpu: 500m, memory: 128Mi}
          securityContext: &locked
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
      containers:
        - name: api
          image: shop/api:1.4.0
          ports:
            - name: http
              containerPort: 3000
          env:
            - name: DATABASE_PASSWORD
              valueFrom:
                secretKeyRef: {name: db, key: password}
            - name: LOG_LEVEL
              value: info
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 5
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
            failureThreshold: 3
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 256Mi}
          securityContext: *locked
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 16Mi
---
apiVersion: v1
kind: Service
metadata:
  name: api
spec:
  selector:
    app.kubernetes.io/name: api
  ports:
    - port: 80
      targetPort: http
"""

SPIN = """\
spin_manifest_version = 2

[application]
name = "counter"
version = "1.0.0"

[variables]
token = { required = true, secret = true }

[[trigger.http]]
route = "/..."
component = "counter"

[component.counter]
source = "target/counter.wasm"
allowed_outbound_hosts = ["https://prices.example.com"]
key_value_stores = ["default"]

[component.counter.variables]
token = "{{ token }}"
"""


def spoiled(text: str, old: str, new: str) -> tuple[str, int]:
    """The text with one thing replaced, and the line where the new begins to differ."""
    assert text.count(old) >= 1, f"{old!r} is not in the manifest"
    before, _, after = text.partition(old)
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    return before + new + after, (before + new[:same]).count("\n") + 1


def compose(text: str, image: ImageFacts | None = None) -> Observations:
    return Observations(image=image, answers={ComposeRequest(): read_compose(text.encode())})


def kubernetes(text: str) -> Observations:
    facts = read_kubernetes({"k8s/api.yaml": text.encode()})
    return Observations(answers={KubernetesRequest(): facts})


def spin(text: str) -> Observations:
    return Observations(answers={SpinRequest(): read_spin(text.encode())})


def of_compose(property_id: str, text: str, **params: Any) -> Verdict:
    return verdict(property_id, compose(text), **params)


def of_kubernetes(property_id: str, text: str, **params: Any) -> Verdict:
    return verdict(property_id, kubernetes(text), **params)


def of_spin(property_id: str, text: str, **params: Any) -> Verdict:
    return verdict(property_id, spin(text), **params)
