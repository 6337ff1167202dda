import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EXIT, exitCodeOf } from '../../cli/exit-codes.js';
import type { ClientErrorCode } from '../../client/index.js';
import { commandLine as holdfast } from '../support/command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const example = readFileSync(new URL('../../config/holdfast.example.yaml', import.meta.url), 'utf8');
const good = join(folder, 'good.yaml');
// Nobody listens on port 1: what Temporal would answer is tested on the real one.
writeFileSync(good, example.replace('127.0.0.1:7233', '127.0.0.1:1'));
const wrong = join(folder, 'wrong.yaml');
writeFileSync(
  wrong,
  example.replace('attempts: 20', 'attempts: many').replace('cluster: counts', 'cluster: nowhere'),
);

describe('wrong use is 64 and says what is right', () => {
  test.each([
    [[], 'Usage: holdfast'],
    [['recovr', 'x'], "unknown command 'recovr'"],
    [['recover'], "missing required argument 'job'"],
    [['status', '--wacth'], "unknown option '--wacth'"],
    [['status', '--watch'], 'expected a job'],
    [['cases', '--limit', '0'], 'expected a number from 1 to 9999, found 0'],
    [['dev', '--port', '70000'], 'expected a port from 0 to 65535, found 70000'],
    [['abort', 'window-counts', '--config', good], "expected --reason '…'"],
    [['recover', 'window-counts', '--config', good, '--reason', '  '], "expected --reason '…'"],
    [
      ['recover', 'window-counts', '--config', good, '--reason', 'r', '--from-nothing'],
      'expected --kafka-from with --from-nothing',
    ],
    [
      ['recover', 'window-counts', '--config', good, '--reason', 'r', '--kafka-from', 'earliest'],
      'expected --from-nothing with --kafka-from',
    ],
    [
      ['recover', 'window-counts', '--config', good, '--from-nothing', '--kafka-from', 'earliest'],
      "expected --reason '…'",
    ],
    [
      [
        ...['recover', 'window-counts', '--config', good, '--reason', 'r', '--from', 'hdfs://nn/chk-1'],
        ...['--from-nothing', '--kafka-from', 'earliest'],
      ],
      'found both',
    ],
    [
      [
        'recover',
        'window-counts',
        '--config',
        good,
        '--reason',
        'r',
        '--from-nothing',
        '--kafka-from',
        'soon',
      ],
      "offsets such as 'events/0=12",
    ],
    [
      ['status', 'no-such-job', '--config', good],
      "no job 'no-such-job' in the configuration; there are: window-counts",
    ],
    [['watch', 'no-such-cluster', '--config', good], "no cluster 'no-such-cluster'"],
  ])('holdfast %s', async (args, says) => {
    const { code, err, out } = await holdfast(args);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(says);
    expect(out).toBe('');
  });

  test('and JSON when JSON was asked for', async () => {
    const { code, out } = await holdfast(['abort', 'window-counts', '--config', good, '--json']);
    expect(code).toBe(EXIT.usage);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'Usage' } });
  });
});

describe('help', () => {
  test('is no error and names every command', async () => {
    const { code, out } = await holdfast(['help']);
    expect(code).toBe(EXIT.done);
    for (const name of [
      'dev',
      'worker',
      'serve',
      'recover',
      'look',
      'ladder',
      'status',
      'cases',
      'case',
      'resume',
      'abort',
      'hold',
      'release',
      'retry',
      'close',
      'approve',
      'reject',
      'choose',
      'config',
      'doctor',
    ]) {
      expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    }
  });

  test('every command but those that only show takes --json', async () => {
    const { out } = await holdfast(['recover', '--help']);
    expect(out).toContain('--json');
    expect(out).toContain('--from <path>');
  });
});

describe('config check', () => {
  test('is 0 for a configuration that is right, and says what it allows', async () => {
    const { code, out } = await holdfast(['config', 'check', '--config', good]);
    expect(code).toBe(EXIT.done);
    expect(out).toContain('window-counts on counts: 20 attempts within 6h, older points: checkpoint');
  });

  test('is 78 and names every problem of one that is wrong', async () => {
    const { code, err } = await holdfast(['config', 'check', '--config', wrong]);
    expect(code).toBe(EXIT.config);
    expect(err).toContain('2 problems');
    expect(err).toMatch(/jobs\.window-counts\.cluster \(line \d+, column \d+\)/);
    expect(err).toContain('found "many"');
  });

  test('lists the problems as JSON', async () => {
    const { code, out } = await holdfast(['config', 'check', '--config', wrong, '--json']);
    expect(code).toBe(EXIT.config);
    expect(JSON.parse(out)).toMatchObject({
      error: {
        code: 'ConfigInvalid',
        problems: [
          { path: ['jobs', 'window-counts', 'cluster'] },
          { path: ['jobs', 'window-counts', 'policy', 'attempts'] },
        ],
      },
    });
  });

  test('is 78 when there is no file', async () => {
    const { code, err } = await holdfast(['status', '--config', join(folder, 'none.yaml')]);
    expect(code).toBe(EXIT.config);
    expect(err).toContain('found no file there');
  });

  test('prints the schema that editors use', async () => {
    const { out } = await holdfast(['config', 'schema']);
    const written: unknown = JSON.parse(
      readFileSync(new URL('../../config/holdfast.schema.json', import.meta.url), 'utf8'),
    );
    expect(JSON.parse(out)).toEqual(written);
  });
});

describe('without Temporal', () => {
  test.each([[['status', 'window-counts']], [['cases']], [['abort', 'window-counts', '--reason', 'x']]])(
    'holdfast %s is not done, and says where Temporal was looked for',
    async (args) => {
      const { code, err } = await holdfast([...args, '--config', good]);
      expect([EXIT.unavailable, EXIT.unknown]).toContain(code);
      expect(err).toMatch(/holdfast (dev|worker)/);
    },
    20_000,
  );
});

describe('who is asked', () => {
  test('for a reason, when somebody is there', async () => {
    const { code, err } = await holdfast(['hold', 'no-such-job', '--config', good], ['we deploy']);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain("no job 'no-such-job'");
  });

  test('nobody, when the answer has to be JSON', async () => {
    const { err, code, out } = await holdfast(['hold', 'window-counts', '--config', good, '--json'], []);
    expect(code).toBe(EXIT.usage);
    expect(err).toBe('');
    expect(out).toContain('--reason');
  });
});

test('every error of the client has an exit code of its kind', () => {
  const codes: Record<ClientErrorCode, number> = {
    UnknownJob: 64,
    UnknownCluster: 64,
    NoCase: 3,
    CaseEnded: 3,
    NoWorker: 69,
    InDoubt: 2,
    Refused: 1,
    TemporalUnavailable: 69,
    AccessDenied: 77,
    Unexpected: 70,
  };
  for (const [code, exit] of Object.entries(codes)) expect(exitCodeOf(code as ClientErrorCode)).toBe(exit);
});

describe('docs/cli.md', () => {
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

  test('lists every exit code, and no other', () => {
    const listed = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });

  test('names every command', async () => {
    const { out } = await holdfast(['help']);
    const commands = [...out.matchAll(/^ {2}([a-z]+)( |$)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help');
    expect(commands.length).toBeGreaterThan(15);
    for (const name of commands) expect(page).toMatch(new RegExp(`\\b${name}\\b`));
  });
});
