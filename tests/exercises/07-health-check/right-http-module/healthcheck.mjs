import { get } from 'node:http';

get({ host: '127.0.0.1', port: 3000, path: '/healthz' }, (answer) => {
  process.exit(answer.statusCode === 200 ? 0 : 1);
}).on('error', () => process.exit(1));
