import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { root } from '../../stack/root.js';
import { createServer as createStackServer, type StackEvent } from '../../stack/server.js';
import { until } from '../../stack/wait.js';
import { openWarden, type Child, type Warden } from '../../stack/warden.js';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const isGone = (pid: number): Promise<boolean> =>
  until(`process ${pid} is gone`, () => !isAlive(pid), { within: 10_000 });

/** Runs until it is killed, and starts a process of its own. */
const FAMILY = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  console.log(child.pid);
  setInterval(() => {}, 1000);`;

const opened: Warden[] = [];
const open = async (label = 'test'): Promise<Warden> => {
  const warden = await openWarden(label);
  opened.push(warden);
  return warden;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((warden) => warden.close()));
});

const start = (warden: Warden, key: string, script: string): Promise<Child> =>
  warden.start({
    key,
    command: process.execPath,
    args: ['-e', script],
    env: {},
    log: join(warden.folder, `${key}.out`),
  });

async function grandchild(warden: Warden, key: string): Promise<number> {
  return until('the grandchild is known', async () => {
    const text = await readFile(join(warden.folder, `${key}.out`), 'utf8');
    return text.includes('\n') ? Number(text) : undefined;
  });
}

describe('the warden', () => {
  it('ends every process with its children and removes the folder on close', async () => {
    const warden = await open();
    const child = await start(warden, 'family', FAMILY);
    const below = await grandchild(warden, 'family');
    await warden.close();
    await Promise.all([child.pid, below, warden.pid].map(isGone));
    expect(existsSync(warden.folder)).toBe(false);
  });

  it('also ends processes that are stopped with SIGSTOP', async () => {
    const warden = await open();
    const child = await start(warden, 'sleeper', 'setInterval(() => {}, 1000)');
    child.signal('SIGSTOP');
    await warden.close();
    expect(isAlive(child.pid)).toBe(false);
  });

  it('leaves nothing behind when its parent is killed with SIGKILL', async () => {
    // The parent speaks the protocol itself, so that this test needs no build.
    const parent = spawn(process.execPath, [
      '-e',
      `const { spawn } = require('node:child_process');
       const warden = spawn(process.execPath, [${JSON.stringify(join(root, 'stack', 'warden.mjs'))}, 'orphan'],
         { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
       warden.stdin.write(JSON.stringify({ op: 'start', key: 'family', command: process.execPath,
         args: ['-e', ${JSON.stringify(FAMILY)}], env: {}, cwd: '/', log: '/dev/null' }) + '\\n');
       process.stdin.resume();`,
    ]);
    const seen: { event: string; folder?: string; pid?: number }[] = [];
    createInterface({ input: parent.stdout }).on('line', (line) =>
      seen.push(JSON.parse(line) as (typeof seen)[0]),
    );
    const folder = await until(
      'the warden is open',
      () => seen.find(({ event }) => event === 'open')?.folder,
    );
    const pid = await until('the child runs', () => seen.find(({ event }) => event === 'started')?.pid);
    expect(existsSync(folder)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await isGone(pid);
    await until('the folder is removed', () => !existsSync(folder));
  });

  it('is replaced by its parent when it is killed itself', async () => {
    const warden = await open();
    const child = await start(warden, 'family', FAMILY);
    const below = await grandchild(warden, 'family');
    process.kill(warden.pid, 'SIGKILL');
    await child.exited;
    await Promise.all([child.pid, below].map(isGone));
    await warden.close();
    expect(existsSync(warden.folder)).toBe(false);
  });

  it('never gives two stacks the same port', async () => {
    const wardens = await Promise.all(Array.from({ length: 8 }, () => open()));
    const ports = await Promise.all(
      wardens.flatMap((warden) => Array.from({ length: 10 }, () => warden.port())),
    );
    expect(new Set(ports).size).toBe(80);
  });

  it('skips a port that somebody else listens on', async () => {
    const warden = await open();
    const taken = (await warden.port()) + 1;
    const stranger = createServer().listen(taken, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      expect(await warden.port()).toBe(taken + 1);
    } finally {
      stranger.close();
    }
  });

  it('says what it could not start', async () => {
    const warden = await open();
    const missing = { key: 'nothing', command: '/no/such/program', args: [], env: {} };
    await expect(warden.start({ ...missing, log: join(warden.folder, 'x.out') })).rejects.toThrow(
      'cannot start nothing: spawn /no/such/program ENOENT',
    );
  });
});

describe('a server', () => {
  const recipe = (warden: Warden, script: string, ready = async (): Promise<boolean> => true) => ({
    name: 'echo',
    command: process.execPath,
    args: (life: number) => ['-e', script, String(life)],
    env: {},
    out: join(warden.folder, 'echo.out'),
    ready,
    readyWithin: 5000,
  });

  it('fails its start with the end of its log when it ends before it is ready', async () => {
    const warden = await open();
    const server = createStackServer(
      warden,
      recipe(warden, 'console.log("no such disk"); process.exit(3)', async () => false),
    );
    await expect(server.start()).rejects.toThrow(/echo answers: it has ended \(exit code 3.*no such disk/s);
  });

  it('is started again after each exit while it is supervised, and stays down when it is told to stop', async () => {
    const warden = await open();
    const events: StackEvent[] = [];
    const server = createStackServer(warden, recipe(warden, 'setInterval(() => {}, 1000)'), (event) =>
      events.push(event),
    );
    await server.start();
    server.supervise(true);
    const before = server.pid;
    await server.kill();
    await until('it is back', () => server.state === 'running');
    expect(server.pid).not.toBe(before);
    await server.stop();
    expect(server.state).toBe('stopped');
    expect(server.exits.map(({ signal }) => signal)).toEqual(['SIGKILL', 'SIGTERM']);
    expect(events.filter(({ kind }) => kind === 'starting')).toHaveLength(2);
  });

  it('can be killed while it is paused', async () => {
    const warden = await open();
    const server = createStackServer(warden, recipe(warden, 'setInterval(() => {}, 1000)'));
    await server.start();
    server.pause();
    expect(server.state).toBe('paused');
    await server.kill();
    expect(server.state).toBe('stopped');
    await server.start();
    expect(server.state).toBe('running');
  });

  it('refuses to pause what does not run', async () => {
    const warden = await open();
    const server = createStackServer(warden, recipe(warden, ''));
    expect(() => server.pause()).toThrow('echo does not run');
  });
});
