import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { root } from '../../stack/root.js';
import { until } from '../../stack/wait.js';

/**
 * The real script in a small checkout of its own, with tools that only write down how they were called and make what
 * the real ones would make. What the real tools make is proved by every other test of the stack.
 */
const TOOLS: Readonly<Record<string, string>> = {
  npm: `mkdir -p node_modules/typescript/bin
echo '{"name":"typescript"}' > node_modules/typescript/package.json
cat > node_modules/typescript/bin/tsc <<'JS'
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
appendFileSync(process.env.CALLS, 'tsc\\n');
mkdirSync('dist', { recursive: true });
writeFileSync('dist/.tsbuildinfo', '{}');
JS`,
  java: `echo 'openjdk version "17.0.1" 2021-10-19' >&2`,
  javac: `while [ $# -gt 0 ]; do [ "$1" = -d ] && touch "$2/X.class"; shift; done`,
  jar: `while [ $# -gt 0 ]; do [ "$1" = --file ] && echo jar > "$2"; shift; done`,
  temporal: `echo 'temporal version 1.9.1 (Server 1.32.0)'`,
  mvn: `[ -n "$MVN_FAILS" ] && { echo 'Could not resolve dependencies'; exit 1; }
[ -n "$MVN_WAITS" ] && { while [ ! -e "$MVN_WAITS" ]; do sleep 0.05; done; }
for arg in "$@"; do case $arg in -Dholdfast.lib=*) out=\${arg#*=};; esac; done
mkdir -p .cache/m2; echo one > .cache/m2/one.jar; echo two > .cache/m2/two.jar
for name in zookeeper kafka hadoop flink-1.20 flink-2.2; do
  printf '%s:%s' "$PWD/.cache/m2/two.jar" "$PWD/.cache/m2/one.jar" > "$out/$name.classpath"; done`,
};

interface Checkout {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly run: (...args: readonly string[]) => { readonly code: number | null; readonly said: string };
  /** Names of the tools in the order they were called, `java -version` left out. */
  readonly calls: () => readonly string[];
}

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function checkout(without: readonly string[] = []): Checkout {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-setup-')));
  made.push(folder);
  const bin = join(folder, 'bin');
  const log = join(folder, 'calls');
  mkdirSync(bin);
  writeFileSync(log, '');
  mkdirSync(join(folder, 'stack'));
  for (const name of ['setup.mjs', 'requirements-temporal.txt', 'poms', 'job'])
    cpSync(join(root, 'stack', name), join(folder, 'stack', name), { recursive: true });
  mkdirSync(join(folder, 'domain'));
  writeFileSync(join(folder, 'domain', 'thing.ts'), 'export const thing = 1;\n');
  writeFileSync(
    join(folder, 'package-lock.json'),
    '{"packages":{"node_modules/typescript":{"version":"1"}}}',
  );
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  writeFileSync(join(folder, 'tsconfig.build.json'), '{"include":["domain"]}');
  for (const [name, script] of Object.entries(TOOLS)) {
    if (without.includes(name)) continue;
    writeFileSync(join(bin, name), `#!/bin/sh\nset -e\necho ${name} >> "$CALLS"\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  // The shell's own tools, and no other npm, mvn, java, temporal or python.
  for (const name of ['sh', 'cat', 'mkdir', 'touch', 'sleep'])
    cpSync(realpathSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()), join(bin, name));
  const env = { PATH: bin, CALLS: log, HOME: folder };
  return {
    folder,
    env,
    run(...args) {
      const { status, stderr } = spawnSync(process.execPath, ['stack/setup.mjs', ...args], {
        cwd: folder,
        env,
        encoding: 'utf8',
      });
      return { code: status, said: stderr };
    },
    calls: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((name) => name !== '' && name !== 'java' && name !== 'temporal'),
  };
}

describe('set-up', () => {
  it('does every step once, and nothing at all when nothing has changed', () => {
    const { run, calls } = checkout();
    expect(run()).toMatchObject({ code: 0 });
    expect(calls()).toEqual(['npm', 'mvn', 'javac', 'jar', 'javac', 'jar', 'tsc']);
    expect(run()).toEqual({ code: 0, said: '' });
    expect(calls()).toHaveLength(7);
  });

  it('keeps the jars of a system in the order of the class path', () => {
    const { folder, run } = checkout();
    run();
    expect(readFileSync(join(folder, '.cache/lib/kafka/classpath'), 'utf8')).toBe('two.jar\none.jar\n');
    expect(existsSync(join(folder, '.cache/lib/kafka/one.jar'))).toBe(true);
  });

  it('does only the packages and the build when asked for the build', () => {
    const { run, calls } = checkout();
    expect(run('build')).toMatchObject({ code: 0 });
    expect(calls()).toEqual(['npm', 'tsc']);
  });

  it('builds again when a source has changed, and nothing else', () => {
    const { folder, run, calls } = checkout();
    run();
    writeFileSync(join(folder, 'domain', 'thing.ts'), 'export const thing = 2;\n');
    run();
    expect(calls().slice(7)).toEqual(['tsc']);
  });

  it('goes on where it was interrupted', () => {
    const { env, run, calls } = checkout();
    env['MVN_FAILS'] = 'yes';
    expect(run()).toMatchObject({
      code: 1,
      said: expect.stringContaining('Could not resolve dependencies') as string,
    });
    delete env['MVN_FAILS'];
    expect(run()).toMatchObject({ code: 0 });
    expect(calls()).toEqual(['npm', 'mvn', 'mvn', 'javac', 'jar', 'javac', 'jar', 'tsc']);
  });

  it.each([
    ['mvn', /^set-up failed: mvn was not found: install Maven.*$/m],
    ['java', /^set-up failed: java was not found: install a JDK 17.*$/m],
    ['npm', /^set-up failed: npm was not found: install Node.*$/m],
  ])('names the mend in one sentence when %s is missing', (tool, sentence) => {
    const { run } = checkout([tool]);
    const { code, said } = run();
    expect(code).toBe(1);
    expect(said).toMatch(sentence);
    expect(said).not.toContain('    at ');
  });

  it('fails when TEMPORAL_CLI names no file, although a server could be found elsewhere', () => {
    const { env, run } = checkout();
    env['TEMPORAL_CLI'] = '/no/such/temporal';
    expect(run()).toMatchObject({
      code: 1,
      said: expect.stringContaining('TEMPORAL_CLI is /no/such/temporal, but there is no such file') as string,
    });
  });

  it('fails without any Temporal server, and says the ways to get one', () => {
    const { run } = checkout(['temporal']);
    const { code, said } = run();
    expect(code).toBe(1);
    for (const way of ['pip', 'PATH', 'TEMPORAL_CLI', 'TEMPORAL_ADDRESS']) expect(said).toContain(way);
  });

  it('lets a second set-up wait for the first, and does every step once', async () => {
    const { folder, env, run, calls } = checkout();
    const go = join(folder, 'go');
    const first = spawn(process.execPath, ['stack/setup.mjs'], {
      cwd: folder,
      env: { ...env, MVN_WAITS: go },
    });
    await until('the first is inside Maven', () => calls().includes('mvn'));
    const second = spawn(process.execPath, ['stack/setup.mjs'], { cwd: folder, env });
    let said = '';
    second.stderr.on('data', (data: Buffer) => (said += data.toString()));
    await until('the second waits', () => said.includes('another set-up is at work'));
    writeFileSync(go, '');
    const codes = await Promise.all(
      [first, second].map(async (one) => (await once(one, 'exit'))[0] as number),
    );
    expect(codes).toEqual([0, 0]);
    expect(calls()).toHaveLength(7);
    expect(run()).toEqual({ code: 0, said: '' });
  });

  it('waits for the tool of a killed set-up, then takes over its lock', async () => {
    const { folder, env, calls } = checkout();
    const go = join(folder, 'go');
    const first = spawn(process.execPath, ['stack/setup.mjs'], {
      cwd: folder,
      env: { ...env, MVN_WAITS: go },
    });
    await until('the first is inside Maven', () => calls().includes('mvn'));
    first.kill('SIGKILL');
    await once(first, 'exit');
    const second = spawn(process.execPath, ['stack/setup.mjs'], { cwd: folder, env });
    let said = '';
    second.stderr.on('data', (data: Buffer) => (said += data.toString()));
    await until('the second waits', () => said.includes('another set-up is at work'));
    expect(calls().filter((name) => name === 'mvn')).toHaveLength(1);
    writeFileSync(go, '');
    expect((await once(second, 'exit'))[0]).toBe(0);
    expect(calls().filter((name) => name === 'mvn')).toHaveLength(2);
    expect(existsSync(join(folder, '.cache/setup.lock'))).toBe(false);
  });
});
