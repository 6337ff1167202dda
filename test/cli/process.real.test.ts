import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';

/** The command as people run it: `dist/`, signals, and what is left behind. */

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;
const started: ChildProcess[] = [];

beforeAll(() => {
  if (!existsSync(program)) throw new Error(`expected the built CLI at ${program}: run npm run build`);
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Ready {
  readonly temporal: { readonly address: string; readonly ui: string };
  readonly intake: string;
  readonly pid: number;
}

function configure(temporal?: Ready['temporal']): string {
  const { address, ui } = temporal ?? { address: '127.0.0.1:7233', ui: 'http://127.0.0.1:8233' };
  const file = join(folder, 'holdfast.yaml');
  writeFileSync(
    file,
    `
temporal: { address: '${address}', ui: '${ui}' }
storage: { disk: { kind: file, allow: [${folder}], scratch: ${folder}/probe } }
clusters: { counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:${folder}/checkpoints' } }
jobs: { window-counts: { cluster: counts, launch: { jar: x.jar }, policy: { attempts: 1 } } }
intake: { port: 0 }
`,
  );
  return file;
}

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

function holdfast(...args: readonly string[]): Started {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const ended = new Promise<Awaited<Started['ended']>>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  return { child, out: () => out, ended };
}

async function up(): Promise<Started & { readonly ready: Ready }> {
  const dev = holdfast('dev', '--config', configure(), '--port', '0', '--json');
  const ready = await vi.waitFor(
    () => {
      if (dev.child.exitCode !== null) throw new Error(`dev has ended: ${dev.out()}`);
      const line = dev
        .out()
        .split('\n')
        .find((text) => text.includes('"ready"'));
      return JSON.parse(line ?? '') as Ready;
    },
    { timeout: 120_000, interval: 100 },
  );
  return { ...dev, ready };
}

const isListening = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const [host, port] = address.split(':');
    const socket = createConnection({ host: host ?? '', port: Number(port) });
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });

const linux = existsSync('/proc/self/cmdline');

/** Command lines of the processes that name the folder of this test. */
const left = (): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return []; // it has ended meanwhile
      }
    })
    .filter((line) => line.includes(folder));

test.each(['SIGINT', 'SIGTERM'] as const)(
  'dev stops with %s, exit code 0, and leaves nothing running',
  async (signal) => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'));
    const { child, ready, ended } = await up();
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(await isListening(ready.temporal.address)).toBe(false);
    expect(await isListening(new URL(ready.intake).host)).toBe(false);
    if (linux) expect(left()).toEqual([]);
  },
);

test('dev that is killed takes its Temporal server with it, and the next one goes on with the open case', async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'));
  const first = await up();
  const answer = await fetch(`${first.ready.intake}/v1/alerts`, {
    method: 'POST',
    body: '{"job":"window-counts"}',
  });
  expect(answer.status).toBe(202);
  first.child.kill('SIGKILL');
  await first.ended;
  await vi.waitFor(async () => expect(await isListening(first.ready.temporal.address)).toBe(false), {
    timeout: 20_000,
    interval: 100,
  });

  const second = await up();
  const config = configure(second.ready.temporal);
  await vi.waitFor(
    async () => {
      const status = holdfast('status', 'window-counts', '--config', config, '--json');
      expect(await status.ended).toEqual({ code: 0, signal: null });
      expect(JSON.parse(status.out())).toMatchObject({ phase: 'aborted', alertsHeard: 1 });
    },
    { timeout: 60_000, interval: 500 },
  );
  second.child.kill('SIGINT');
  expect(await second.ended).toEqual({ code: 0, signal: null });
});

test('a worker waits for Temporal, says so, and stops waiting when it is asked to', async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'));
  const worker = holdfast(
    'worker',
    '--config',
    configure({ address: '127.0.0.1:1', ui: 'http://127.0.0.1:2' }),
  );
  await vi.waitFor(() => expect(worker.out()).toContain('Temporal does not answer yet'), {
    timeout: 30_000,
    interval: 100,
  });
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toEqual({ code: 130, signal: null });
  expect(worker.out()).not.toContain('check temporal.address');
});

test('a port that is taken is one sentence and exit code 69', async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'));
  const taken = createServer();
  await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', listening));
  try {
    const { port } = taken.address() as AddressInfo;
    const dev = holdfast('dev', '--config', configure(), '--port', String(port));
    expect(await dev.ended).toEqual({ code: 69, signal: null });
    expect(dev.out().trim().split('\n')).toHaveLength(1);
    expect(dev.out()).toContain(`port ${port}`);
  } finally {
    taken.close();
  }
});
