import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  app.log.info({ timeoutMs }, 'nothing to do: Docker stops the container');
}
