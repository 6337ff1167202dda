import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandRunner } from '../../adapters/command.js';
import type { Commands } from '../../adapters/ports.js';
import { until } from '../../stack/wait.js';

let folder: string;
let commands: Commands;
const call = (deadline = 20_000) => ({ signal: new AbortController().signal, deadline });
/** A program that is at hand wherever the tests run. */
const node = (script: string, ...args: readonly string[]) => [process.execPath, '-e', script, ...args];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-command-'));
  commands = commandRunner(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
/** A program that starts another one, writes both ids, and never ends. */
const endless = ['sh', '-c', 'sleep 1000 & echo "$$ $!" > pids; wait'];
const pids = () =>
  until('the program has started', async () => {
    const text = await readFile(join(folder, 'pids'), 'utf8').catch(() => '');
    return text === '' ? undefined : text.split(' ').map(Number);
  });

describe('a command', () => {
  test('gets its arguments as they are: nothing is expanded or split', async () => {
    const args = ['a b', '$HOME', '`id`', '; exit 3', '*'];
    const ran = await commands.run(
      node('console.log(JSON.stringify(process.argv.slice(1)))', ...args),
      call(),
    );
    expect(ran).toMatchObject({ code: 0, because: null });
    expect(JSON.parse(ran.out)).toEqual(args);
  });

  test('runs in the folder of the configuration, so that relative paths are found', async () => {
    await writeFile(join(folder, 'say.sh'), '#!/bin/sh\npwd\n', { mode: 0o755 });
    expect((await commands.run(['./say.sh'], call())).out.trim()).toBe(folder);
  });

  test('that fails is told by its exit code and its last words', async () => {
    const ran = await commands.run(node('console.error("no such queue"); process.exit(3)'), call());
    expect(ran).toMatchObject({ code: 3, because: { code: 'Unclassified' } });
    expect(ran.because?.message).toContain('exit code 3: no such queue');
  });

  test('that prints a stack trace of Flink is classified by the last cause', async () => {
    const trace = [
      'org.apache.flink.client.program.ProgramInvocationException: The main method caused an error',
      'Caused by: org.apache.flink.runtime.client.JobInitializationException: Could not start the JobMaster.',
      'Caused by: java.io.IOException: Unexpected magic number. This can have multiple reasons',
    ].join('\n');
    const ran = await commands.run(node(`console.error(${JSON.stringify(trace)}); process.exit(1)`), call());
    expect(ran.because?.code).toBe('StateCorrupt');
  });

  test('never shows half a line: it might be half a secret', async () => {
    const ran = await commands.run(
      node('console.error("token=" + "x".repeat(2000)); process.exit(1)'),
      call(),
    );
    expect(ran.because?.message).not.toContain('xxx');
  });

  test('that prints for ever keeps its first 64 KB and is not held up', async () => {
    const ran = await commands.run(node('process.stdout.write("x".repeat(10_000_000))'), call());
    expect(ran.code).toBe(0);
    expect(ran.out).toHaveLength(64 * 1024);
  });

  test('that is not there was never started', async () => {
    await expect(commands.run(['./nowhere.sh'], call())).rejects.toMatchObject({
      fault: { code: 'ConfigInvalid', where: './nowhere.sh' },
    });
  });

  test('that may not be run was never started', async () => {
    await writeFile(join(folder, 'plain.sh'), '#!/bin/sh\n', { mode: 0o644 });
    await expect(commands.run(['./plain.sh'], call())).rejects.toMatchObject({
      fault: { code: 'AccessDenied' },
    });
  });

  test('is killed at its deadline, with everything that it started', async () => {
    const running = commands.run(endless, call(3_000));
    const outcome = expect(running).rejects.toMatchObject({ fault: { code: 'Unclassified' } });
    const started = await pids();
    await outcome;
    for (const pid of started) await until(`${pid} is gone`, () => !isAlive(pid));
  });

  test('is killed with the step that runs it', async () => {
    const abort = new AbortController();
    const running = commands.run(endless, { signal: abort.signal });
    const outcome = expect(running).rejects.toThrow('the step was cut off');
    const started = await pids();
    abort.abort(new Error('the step was cut off'));
    await outcome;
    for (const pid of started) await until(`${pid} is gone`, () => !isAlive(pid));
  });

  test('that leaves a daemon running ends, and the daemon lives on', async () => {
    const daemon = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
      console.log(child.pid); child.unref(); process.exit(0);`;
    const ran = await commands.run(node(daemon), call());
    const pid = Number(ran.out);
    try {
      expect(ran.code).toBe(0);
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });
});
