/**
 * npm run simulate -- [--seeds N] [--first K] [--json] [--mutants]
 * Runs the TypeScript of this folder through the server that vitest brings along; many seeds run in two processes.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const self = fileURLToPath(import.meta.url);
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    first: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    part: { type: 'boolean', default: false },
  },
});
const wanted = (name) => {
  const n = Number(values[name]);
  if (Number.isSafeInteger(n) && n >= 1) return n;
  process.stderr.write(
    `expected a whole number from 1 on after --${name}, found ${JSON.stringify(values[name])}\n`,
  );
  process.exit(2);
};
const first = wanted('first');
const seeds = wanted('seeds');
const print = (line) => void process.stdout.write(`${line}\n`);

if (values.mutants) {
  const result = await withCode(({ runMutants }) => runMutants(print));
  print(values.json ? JSON.stringify(result) : `${result.found} of ${result.mutants} mutants found`);
  process.exit(result.found === result.mutants ? 0 : 1);
} else if (values.part) {
  const failing = await withCode(({ runSeeds }) => runSeeds(first, seeds, print));
  await new Promise((sent) => process.send({ failing }, sent));
  process.exit(0);
} else {
  const processes = Math.min(seeds < 40 ? 1 : 2, availableParallelism());
  const began = Date.now();
  const each = Math.ceil(seeds / processes);
  const slices = Array.from({ length: processes }, (_, i) => ({
    from: first + i * each,
    count: Math.min(each, seeds - i * each),
  }));
  const parts = await Promise.all(slices.map(part));
  const failing = parts.flat().sort((a, b) => a - b);
  const seconds = Math.round((Date.now() - began) / 1000);
  print(`${seeds} seeds from ${first} in ${seconds} s, ${failing.length} broken`);
  if (values.json) print(JSON.stringify({ seeds, broken: failing.length, failing }));
  process.exit(failing.length === 0 ? 0 : 1);
}

function part({ from, count }) {
  return new Promise((resolve, reject) => {
    const child = fork(self, ['--part', '--first', String(from), '--seeds', String(count)]);
    let failing;
    child.on('message', (message) => (failing = message.failing));
    child.on('exit', (code) => {
      if (failing === undefined) reject(new Error(`the simulation process ended with ${code} and no result`));
      else resolve(failing);
    });
  });
}

async function withCode(run) {
  const { createViteServer } = await import('vitest/node');
  const server = await createViteServer({
    configFile: false,
    root: join(dirname(self), '../..'),
    appType: 'custom',
    logLevel: 'error',
    server: { middlewareMode: true, hmr: false, watch: null, ws: false },
    optimizeDeps: { noDiscovery: true },
  });
  try {
    return await run(await server.ssrLoadModule('/test/simulation/campaign.ts'));
  } finally {
    await server.close();
  }
}
