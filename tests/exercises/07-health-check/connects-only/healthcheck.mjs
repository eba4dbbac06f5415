import { connect } from 'node:net';

connect(3000, '127.0.0.1')
  .on('connect', () => process.exit(0))
  .on('error', () => process.exit(1));
