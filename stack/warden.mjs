/*
 * The warden of one stack: a small process of its own that starts the servers, owns the temporary folder and the
 * ports, and sees the end of whoever asked for it. Its standard input is a pipe from the parent: when it closes,
 * for whatever reason (SIGKILL too), the warden kills every process group it started, removes the folder and ends.
 *
 * Plain JavaScript, because it is started both from the sources (tests) and from the build.
 * Lines of JSON in: {op: 'start', key, command, args, env, cwd, log} | {op: 'signal', key, signal} | {op: 'close'}.
 * Lines of JSON out: {event: 'open', folder, port, ports} | 'started' {key, pid} | 'failed' {key, message}
 * | 'exited' {key, pid, code, signal}. Its typed side is stack/warden.ts.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Ports come in blocks. The first port of a block is held open here as long as the stack lives, so two stacks
 * never share a block, and a server that is down for a while finds its port free when it comes back. The range
 * lies below the ephemeral ports of Linux and macOS: no outgoing connection can take a port by chance.
 */
const FIRST_PORT = 11_000;
const BLOCKS = 400;
const BLOCK_SIZE = 50;

const label = process.argv[2] ?? 'stack';
const folder = realpathSync(mkdtempSync(join(tmpdir(), `holdfast-${label}-`)));
const running = new Map();
let closing = false;

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
process.stdout.on('error', () => close());

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

function start({ key, command, args, env, cwd, log }) {
  if (closing) return say({ event: 'failed', key, message: 'the stack is being stopped' });
  if (running.has(key)) return say({ event: 'failed', key, message: 'it runs already' });
  const out = openSync(log, 'a');
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', out, out], detached: true });
  closeSync(out);
  child.once('error', (error) => {
    if (child.pid === undefined) say({ event: 'failed', key, message: error.message });
  });
  if (child.pid === undefined) return undefined;
  running.set(key, child.pid);
  say({ event: 'started', key, pid: child.pid });
  child.once('exit', (code, signal) => {
    // What the server itself started (a shell, du) goes with it.
    killGroup(child.pid, 'SIGKILL');
    running.delete(key);
    say({ event: 'exited', key, pid: child.pid, code, signal });
    if (closing) finish();
  });
  return undefined;
}

function close() {
  if (closing) return;
  closing = true;
  for (const pid of running.values()) killGroup(pid, 'SIGKILL');
  finish();
}

function finish() {
  if (running.size > 0) return;
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  } finally {
    process.exit(0);
  }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, close);
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack}\n`);
  close();
});

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const message = JSON.parse(line);
  if (message.op === 'start') start(message);
  else if (message.op === 'close') close();
  else if (running.has(message.key)) killGroup(running.get(message.key), message.signal);
});
input.on('close', close);
process.stdin.on('error', close);

const firstBlock = randomInt(BLOCKS);
function takeBlock(tried) {
  if (tried === BLOCKS) throw new Error('no free block of ports on 127.0.0.1');
  const port = FIRST_PORT + ((firstBlock + tried) % BLOCKS) * BLOCK_SIZE;
  const guard = createServer((socket) => socket.destroy());
  guard.once('error', () => takeBlock(tried + 1));
  guard.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
    say({ event: 'open', folder, port: port + 1, ports: BLOCK_SIZE - 1 });
  });
}
takeBlock(0);
