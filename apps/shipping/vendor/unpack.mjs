// The carrier's tool: unpacks its tariffs for a customer with an access token.
//
//   node vendor/unpack.mjs [TOKEN_FILE]
//
// The token comes from the file, else from the variable CARRIER_TOKEN, else from a line
// //carrier.example.com/:_authToken=… in .npmrc, here or at home.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { crc32, gunzipSync } from 'node:zlib';

const LINE = /^\/\/carrier\.example\.com\/:_authToken=(.+)$/m;

function token() {
  const [file] = process.argv.slice(2);
  if (file) return readFileSync(file, 'utf8').trim();
  if (process.env.CARRIER_TOKEN) return process.env.CARRIER_TOKEN.trim();
  for (const folder of ['.', homedir()]) {
    const settings = readIfThere(`${folder}/.npmrc`);
    const found = LINE.exec(settings);
    if (found) return found[1].trim();
  }
  throw new Error('no access token: name a file with it, or set CARRIER_TOKEN');
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

// The last eight digits are a checksum, so a mistyped token is refused without asking anybody.
function isRight(given) {
  const sum = crc32(given.slice(0, 28)).toString(16).padStart(8, '0');
  return /^[0-9a-f]{36}$/.test(given) && given.endsWith(sum);
}

try {
  if (!isRight(token())) throw new Error('the access token is refused');
  const packed = JSON.parse(readFileSync(new URL('tariffs.packed.json', import.meta.url), 'utf8'));
  const list = gunzipSync(Buffer.from(packed.gzip, 'base64'));
  if (createHash('sha256').update(list).digest('hex') !== packed.sha256) {
    throw new Error('the packed tariffs are damaged');
  }
  mkdirSync('data', { recursive: true });
  writeFileSync('data/carrier.json', list);
  console.log(`unpacked ${JSON.parse(list).length} tariffs to data/carrier.json`);
} catch (error) {
  console.error(`vendor/unpack.mjs: ${error.message}`);
  process.exitCode = 1;
}
