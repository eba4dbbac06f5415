// A TCP relay in front of a registry, once at full speed and once with a limit.
// Environment: TARGET host:port; RATE bytes per second in each direction of the limited port.
import net from "node:net";
import { PassThrough, Transform, pipeline } from "node:stream";

const [host, port] = process.env.TARGET.split(":");
const rate = Number(process.env.RATE);
const SLICE_MS = 10;

// One bucket a direction, shared by all connections: together they get what one cable gives.
function bucket() {
  const waiting = [];
  let left = 0;
  setInterval(() => {
    left = Math.min(left + (rate * SLICE_MS) / 1000, rate / 10);
    while (waiting.length && left > 0) {
      const { stream, chunk, done } = waiting.shift();
      if (stream.destroyed) continue;
      left -= chunk.length;
      done(null, chunk);
    }
  }, SLICE_MS);
  return () =>
    new Transform({
      transform(chunk, _, done) {
        waiting.push({ stream: this, chunk, done });
      },
    });
}

const open = () => new PassThrough();

function listen(own, up, down) {
  net
    .createServer({ allowHalfOpen: true }, (client) => {
      const server = net.connect({ host, port: Number(port), allowHalfOpen: true });
      // A side that breaks takes the other one with it; one that only ends does not.
      const broken = (error) => error && (client.destroy(), server.destroy());
      pipeline(client, up(), server, broken);
      pipeline(server, down(), client, broken);
    })
    .listen(own, () => console.log(`listening ${own}`));
}

listen(5001, open, open);
if (rate > 0) listen(5002, bucket(), bucket());
process.on("SIGTERM", () => process.exit(0));
