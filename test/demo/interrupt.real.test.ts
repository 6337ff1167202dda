import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../stack/wait.js';
import { root } from '../../stack/root.js';

/** Command lines of all processes that name the folder. */
const processesOf = (folder: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(folder) ? [line] : [];
      } catch {
        return [];
      }
    });

test('Ctrl-C in the middle of the incident leaves no process and no temporary folder', async () => {
  // Its own: other demos may run beside it.
  const place = mkdtempSync(join(tmpdir(), 'holdfast-interrupt-'));
  const demoFolders = () => readdirSync(place).filter((name) => name.startsWith('holdfast-demo-'));
  const demo = spawn(process.execPath, [join(root, 'dist', 'demo', 'main.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: place },
  });
  const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve));
  try {
    let told = '';
    demo.stdout.on('data', (data: Buffer) => (told += data.toString()));
    await until('the NameNode is killed', () => told.includes('killed the NameNode'), { within: 180_000 });
    const [folder] = demoFolders();
    if (folder === undefined) throw new Error('the demo has no folder of its own');
    expect(processesOf(folder).length).toBeGreaterThan(5);
    demo.kill('SIGINT');
    expect(await ended).toBe(130);
    await until('every process is gone', () => processesOf(folder).length === 0, { within: 20_000 });
    await until('the folder is gone', () => !demoFolders().includes(folder), { within: 20_000 });
  } finally {
    demo.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  }
});
