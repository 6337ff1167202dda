import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  gapIn,
  skippedRecords,
  standingStill,
  type Continued,
  type SourceCount,
} from '../../domain/skipped.js';

const went = (change: Partial<Continued> = {}): Continued => ({
  topic: 't',
  partition: 0,
  from: '100',
  reached: '150',
  log: { start: '0', end: '160' },
  endBefore: '140',
  gone: '0',
  sparse: false,
  ...change,
});
const count = (read: number, ...next: readonly number[]): SourceCount => ({
  read: String(read),
  positions: next.map((n, partition) => ({ topic: 't', partition, next: String(n) })),
});
/** The same sum in two dumps. */
const twice = (read: number, ...next: readonly number[]): readonly SourceCount[] => [
  count(read, ...next),
  count(read + 1, ...next.map((n, i) => (i === 0 ? n + 1 : n))),
];
const moved = { start: '120', end: '160' };

const table: readonly [
  promise: string,
  partitions: readonly Continued[],
  counts: readonly SourceCount[],
  expected: readonly string[],
][] = [
  ['a position that the log still holds was not jumped from', [went()], [], []],
  ['not even when fewer records than offsets were counted', [went()], twice(40, 160), []],
  [
    'the log start at the position is no gap',
    [went({ log: { start: '100', end: '160' } })],
    twice(60, 160),
    [],
  ],
  [
    'a log start beyond the position may be a gap up to where it is now, while nothing is counted',
    [went({ log: moved })],
    [],
    ['0 100: 0..50 to 150'],
  ],
  [
    'what was gone before the submission is the least',
    [went({ log: moved, gone: '20' })],
    [],
    ['0 100: 20..50 to 150'],
  ],
  [
    'every record counted: they were read before they fell out of the log',
    [went({ log: moved })],
    twice(60, 160),
    [],
  ],
  ['the count says how many were skipped', [went({ log: moved })], twice(40, 160), ['0 100: 20..20 to 120']],
  [
    'a source that jumps to the end is caught by the count',
    [went({ log: moved, reached: '150' })],
    twice(12, 160),
    ['0 100: 48..48 to 148'],
  ],
  [
    'one jump among two partitions is exact',
    [went({ log: moved }), went({ partition: 1 })],
    twice(100, 160, 160),
    ['0 100: 20..20 to 120'],
  ],
  [
    'of two jumps the sum bounds each',
    [went({ log: moved, gone: '5' }), went({ partition: 1, log: moved, gone: '5' })],
    twice(90, 160, 160),
    ['0 100: 5..25 to 125', '1 100: 5..25 to 125'],
  ],
  [
    'a sum that is what was gone before makes each exact',
    [went({ log: moved, gone: '20' }), went({ partition: 1, log: moved, gone: '7' })],
    twice(93, 160, 160),
    ['0 100: 20..20 to 120', '1 100: 7..7 to 107'],
  ],
  [
    'a sum that contradicts what is certain says nothing',
    [went({ log: moved, gone: '20' })],
    twice(60, 160),
    ['0 100: 20..50 to 150'],
  ],
  [
    'a count from before the checkpoint says nothing',
    [went({ log: moved })],
    twice(10, 120),
    ['0 100: 0..50 to 150'],
  ],
  [
    'a count of a partition that nobody expected says nothing',
    [went({ log: moved })],
    twice(60, 160, 9),
    ['0 100: 0..50 to 150'],
  ],
  [
    'transactions leave offsets without a record: their sum narrows nothing',
    [went({ log: moved, sparse: true })],
    twice(40, 160),
    ['0 100: 0..50 to 150'],
  ],
  [
    'a position that did not move has lost what fell out of the log',
    [went({ reached: '100', log: { start: '160', end: '160' }, gone: '60' })],
    [],
    ['0 100: 60..60 to 160'],
  ],
  [
    'a position beyond the end went on in another log',
    [went({ from: '500', reached: '30', log: { start: '0', end: '40' }, endBefore: '20' })],
    [],
    ['0 0: 0..30 to 30'],
  ],
  [
    'one dump bounds what was skipped: the count lacks what was read while it was dumped',
    [went({ log: moved, gone: '5' })],
    [count(40, 160)],
    ['0 100: 5..20 to 120'],
  ],
  [
    'a dump that lacks nothing clears the one before it',
    [went({ log: moved })],
    [count(40, 160), count(70, 170)],
    [],
  ],
  [
    'of dumps that differ the smallest sum bounds what was skipped',
    [went({ log: moved, gone: '5' })],
    [count(31, 160), count(50, 170), count(57, 180)],
    ['0 100: 5..20 to 120'],
  ],
  [
    'a run without state that passed records is elsewhere',
    [went({ free: true })],
    twice(40, 160),
    ['0 100: 20..20 to 120'],
  ],
  ['and is not, when the count only lags', [went({ free: true })], [count(40, 160), count(70, 170)], []],
  [
    'nor when it always lags, by less than a hundredth of what was read between two dumps',
    [went({ free: true })],
    [count(1_000, 1_130), count(9_900, 10_010), count(19_870, 20_000)],
    [],
  ],
  [
    'nor when offsets without a record are normal in another partition',
    [went({ free: true }), went({ partition: 1, sparse: true })],
    twice(40, 160, 160),
    [],
  ],
  [
    'offsets beyond 2^53 stay exact',
    [
      went({
        from: '9223372036854775000',
        reached: '9223372036854775800',
        endBefore: '9223372036854775800',
        log: { start: '9223372036854775007', end: '9223372036854775806' },
        gone: '7',
      }),
    ],
    [],
    ['0 9223372036854775000: 7..800 to 9223372036854775800'],
  ],
];

const said = (partitions: readonly Continued[], counted: readonly SourceCount[]) =>
  skippedRecords(partitions, counted).ranges.map(
    (r) => `${r.partition} ${r.from}: ${r.atLeast}..${r.atMost} to ${r.to}`,
  );

describe('records that a restored run skipped', () => {
  test.each(table)('%s', (_promise, partitions, counted, expected) => {
    expect(said(partitions, counted)).toEqual(expected);
  });

  test('the sum is told, and why offsets may have no record', () => {
    expect(skippedRecords([went()], [count(60, 160)]).sum).toBe(
      '60 records were read for 60 offsets: every one',
    );
    expect(skippedRecords([went({ sparse: true })], [count(50, 160)]).sum).toContain(
      '10 of them gave none: comp',
    );
    expect(skippedRecords([went()], [count(50, 160)]).sum).toContain('or up to 10 more: the count lags');
    expect(skippedRecords([went()], twice(50, 160)).sum).toContain('10 of them gave none');
    expect(skippedRecords([went()], []).sum).toBeNull();
  });

  test('whatever jumped, the truth lies within the bounds', () => {
    const partition = fc.record({
      from: fc.integer({ min: 0, max: 1000 }),
      /** Records that were skipped, and of them those that were gone before the submission. */
      skip: fc.integer({ min: 0, max: 50 }),
      known: fc.integer({ min: 0, max: 50 }),
      readBefore: fc.integer({ min: 1, max: 50 }),
      readAfter: fc.integer({ min: 0, max: 50 }),
      /** How much of what was read has fallen out since. */
      fell: fc.integer({ min: 0, max: 50 }),
    });
    /** What each dump lacks: no two of them the same, but for none. */
    const lags = fc.uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(partition, { minLength: 1, maxLength: 4 }), lags, (made, dumps) => {
        const partitions = made.map((m, i): Continued => {
          const reached = m.from + m.skip + m.readBefore;
          const start = m.skip === 0 && m.fell === 0 ? 0 : m.from + m.skip + Math.min(m.fell, m.readBefore);
          return {
            topic: 't',
            partition: i,
            from: String(m.from),
            reached: String(reached),
            log: { start: String(start), end: String(reached + m.readAfter) },
            endBefore: String(reached),
            gone: String(Math.min(m.known, m.skip)),
            sparse: false,
          };
        });
        const read = made.reduce((n, m) => n + m.readBefore + m.readAfter, 0);
        const next = partitions.map((p) => Number(p.log.end));
        const { ranges } = skippedRecords(
          partitions,
          dumps.filter((lag) => lag <= read).map((lag) => count(read - lag, ...next)),
        );
        for (const [i, m] of made.entries()) {
          const range = ranges.find((r) => r.partition === i);
          expect(m.skip).toBeGreaterThanOrEqual(Number(range?.atLeast ?? 0));
          expect(m.skip).toBeLessThanOrEqual(Number(range?.atMost ?? 0));
        }
        const total = made.reduce((n, m) => n + m.skip, 0);
        if (dumps.includes(0) && total === 0) expect(ranges).toEqual([]);
      }),
    );
  });
});

describe('a partition that stands still', () => {
  test.each([
    ['has more log than its position', went({ reached: '100' }), 't/0 stands still at 100'],
    ['is at the end of the log: nothing to read', went({ reached: '100', endBefore: '100' }), null],
    ['has moved', went(), null],
    [
      'has lost everything that followed',
      went({ reached: '100', log: { start: '140', end: '140' }, endBefore: '140' }),
      null,
    ],
  ])('%s', (_promise, partition, expected) => {
    const still = standingStill([partition]);
    if (expected === null) expect(still).toBeNull();
    else expect(still).toContain(expected);
  });
});

test('a gap is a fault that names partition, offsets and numbers; none is none', () => {
  const { ranges } = skippedRecords([went({ log: moved })], twice(40, 160));
  expect(gapIn(ranges, 'run')).toMatchObject({
    code: 'OffsetsGone',
    message: expect.stringContaining('t/0: 20 records from 100 to 120 were not read') as string,
  });
  expect(gapIn([], 'run')).toBeNull();
});
