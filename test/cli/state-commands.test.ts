import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { commandLine } from '../support/command-line.js';
import { POINTER, describeFixtures, fixtures, generatedCases, json } from '../support/flink-fixtures.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const holdfast = (...args: readonly string[]) => commandLine(args);

describe('wrong use of the commands on files is 64', () => {
  test.each([
    [['inspect']],
    [['verify']],
    [['offsets']],
    [['verify', 'a', 'b']],
    [['verify', 's3://bucket/chk-1']],
    [['verify', 'x', '--map', 'nonsense']],
    [['inspect', 'hdfs://nn/x', '--pointer', 'hdfs://nn/y']],
  ])('holdfast %j', async (args) => expect(await holdfast(...args)).toMatchObject({ code: 64 }));
});

describe('what is not there or not readable', () => {
  test('verify of a directory without metadata is broken', async () =>
    expect(await holdfast('verify', folder, '--json')).toMatchObject({ code: 1 }));
  test('verify through a NameNode that does not answer is unknown', async () => {
    const found = await holdfast(
      'verify',
      'hdfs://nn:8020/chk-1',
      '--webhdfs',
      'http://127.0.0.1:1',
      '--json',
    );
    expect(found.code).toBe(2);
    expect(JSON.parse(found.out)).toMatchObject({ verdict: 'unknown', missing: [] });
  });
  test('inspect prints a line for each file, in order, and ends with 65 when one is refused', async () => {
    const damaged = join(folder, 'damaged');
    writeFileSync(damaged, 'no metadata');
    const { code, out } = await holdfast(
      'inspect',
      '--json',
      '--pointer',
      POINTER,
      damaged,
      join(folder, 'none'),
      damaged,
    );
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(code).toBe(65);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      schema: 1,
      pointer: POINTER,
      bytes: 11,
      error: { code: 'BadMagic', offset: 0 },
    });
    expect(lines[1]).toMatchObject({ error: { code: 'NotFound' } });
  });
});

describeFixtures('the commands on snapshots of Flink', () => {
  const claim = generatedCases().find(({ name }) => name === '2.0-rocks-claim');
  const map = `hdfs://nn:8020/=${claim?.root ?? ''}`;

  test('inspect --pointer prints what Flink reads', async () => {
    const file = join(fixtures, 'flink-metadata', 'flink-2.0-a.metadata');
    const { code, out } = await holdfast('inspect', '--json', '--pointer', POINTER, file);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toStrictEqual(json('expected', 'fixtures', 'flink-2.0-a.json'));
    expect((await holdfast('inspect', file)).out).toContain('written by Flink 2.0');
  });

  test.each(claim?.snapshots ?? [])(
    'verify --map of $name ends with 1 exactly when the CLAIM has broken it',
    async (snapshot) => {
      const { check } = json('generated', 'expected', '2.0-rocks-claim', `${snapshot.name}.json`) as {
        check: { missing: number };
      };
      const found = await holdfast('verify', snapshot.pointer, '--map', map, '--read', '--json');
      expect(found.code).toBe(check.missing > 0 ? 1 : 0);
      expect((JSON.parse(found.out) as { missing: string[] }).missing).toHaveLength(check.missing);
    },
  );

  test('a file on another storage is unknown, and is not looked for', async () => {
    const [first] = claim?.snapshots ?? [];
    const local = join(folder, 'copy');
    mkdirSync(local, { recursive: true });
    writeFileSync(join(local, '_metadata'), (await import('node:fs')).readFileSync(first?.metadata ?? ''));
    const { code, out } = await holdfast('verify', local, '--json');
    expect(code).toBe(1); // the relative files are missing beside the copy
    expect(JSON.parse(out)).toMatchObject({ verdict: 'broken' });
    expect(out).toContain('StateForeign');
  });

  test('offsets gives the positions by operator, topic and partition', async () => {
    const kafka = generatedCases().find(({ name }) => name === '1.20-kafka-compressed-files');
    const [snapshot] = kafka?.snapshots ?? [];
    const { code, out } = await holdfast(
      'offsets',
      snapshot?.pointer ?? '',
      '--map',
      `hdfs://nn:8020/=${kafka?.root ?? ''}`,
      '--json',
    );
    expect(code).toBe(0);
    const answer = json('generated', 'expected', kafka?.name ?? '', `${snapshot?.name ?? ''}.kafka.json`) as {
      operators: unknown;
    };
    expect((JSON.parse(out) as { operators: unknown }).operators).toStrictEqual(answer.operators);
  });
});
