import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { Held } from '../../stack/held.js';
import { root } from '../../stack/root.js';
import { until } from '../../stack/wait.js';

/** The built command line, as `npm run stack` starts it: set-up has built it before any test runs. */
const main = join(root, 'dist', 'stack', 'main.js');
const names = [`test-a-${process.pid}`, `test-b-${process.pid}`] as const;

const stack = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [main, ...args])).stdout;

afterEach(() => {
  for (const name of names) spawnSync(process.execPath, [main, 'down', '--name', name]);
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

interface Status {
  readonly servers: readonly { readonly name: string; readonly state: string; readonly pid: number }[];
}

describe('a stack held up from the command line', () => {
  it('runs beside another one; kill -9 of its holder ends all of it, and nothing of the other', async () => {
    const [a, b] = (await Promise.all(
      names.map(
        async (name) => JSON.parse(await stack('up', '--name', name, '--flink', 'none', '--json')) as unknown,
      ),
    )) as [Held, Held];
    const statusOf = async ({ name }: Held): Promise<Status> =>
      JSON.parse(await stack('status', '--name', name, '--json')) as Status;
    const pidsOf = async (held: Held): Promise<readonly number[]> =>
      (await statusOf(held)).servers.map(({ pid }) => pid);

    const [pidsA, pidsB] = await Promise.all([pidsOf(a), pidsOf(b)]);
    expect(pidsA).toHaveLength(4);
    expect([...pidsA, ...pidsB].every(isAlive)).toBe(true);
    expect(Object.values(a.endpoints)).not.toEqual(Object.values(b.endpoints));

    process.kill(a.pid, 'SIGKILL');
    await until('every server of it has ended', () => !pidsA.some(isAlive), { within: 10_000 });
    await until('its folder is gone', () => !existsSync(a.folder), { within: 10_000 });
    await expect(stack('status', '--name', a.name)).rejects.toThrow(/is not up/);

    expect(pidsB.every(isAlive)).toBe(true);
    await stack('pause', 'kafka', '--name', b.name);
    expect((await statusOf(b)).servers.find(({ name }) => name === 'kafka')?.state).toBe('paused');
    await stack('kill', 'kafka', '--name', b.name);
    await stack('start', 'kafka', '--name', b.name);
    expect((await statusOf(b)).servers.find(({ name }) => name === 'kafka')?.state).toBe('running');
    expect(await stack('logs', 'kafka', '--name', b.name)).toContain('KafkaRaftServer');

    await stack('down', '--name', b.name);
    expect(pidsB.some(isAlive)).toBe(false);
    expect(existsSync(b.folder)).toBe(false);
  });

  it('names what it does not know, and exits with 2', async () => {
    await expect(stack('up', '--flink', '3.0')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--flink is 1.20 or 2.2 or none, not "3.0"') as string,
    });
    await expect(stack('explode')).rejects.toMatchObject({ code: 2 });
  });
});
