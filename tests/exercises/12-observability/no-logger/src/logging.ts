/** One JSON object a line on standard output; to collect, keep and rotate them is not our job. */
export function loggerOptions(level: string) {
  return {
    level,
    formatters: { level: (label: string) => ({ level: label }) },
    // Written at once when it is a file or a pipe: no line is lost when the process exits.
    stream: process.stdout,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
}
