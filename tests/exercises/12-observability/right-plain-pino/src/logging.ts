/** Text of Prometheus's format. */
export function counters(requests: Map<string, number>): string {
  const lines = [...requests].map(([labels, n]) => `http_requests_total{${labels}} ${String(n)}`);
  return ['# TYPE http_requests_total counter', ...lines, ''].join('\n');
}
