import { describe, expect, test } from 'vitest';
import {
  compareOffsets,
  contradictions,
  expiredTransactions,
  extendCommand,
  notesOn,
  type LogRange,
  type OffsetCheck,
  type TopicLimits,
  type Witnesses,
} from '../../domain/offsets.js';
import type { KafkaPosition } from '../../domain/restore-point.js';
import { inRange } from '../support/evidence.js';

const at = (next: string, partition = 0): KafkaPosition => ({ operatorId: 'o', topic: 't', partition, next });
const log = (start: string, end: string, partition = 0): LogRange => ({ topic: 't', partition, start, end });

const table: readonly [promise: string, position: KafkaPosition, range: LogRange, expected: object][] = [
  ['a position inside the log is in range', at('5'), log('0', '9'), { inRange: 1, toReplay: '4' }],
  ['a position at the log end needs nothing', at('9'), log('0', '9'), { inRange: 1, toReplay: '0' }],
  ['a position at the log start has lost nothing', at('3'), log('3', '9'), { inRange: 1, gone: [] }],
  [
    'records before the log start are gone, and counted',
    at('1'),
    log('3', '9'),
    { gone: [{ topic: 't', partition: 0, records: '2' }], toReplay: '6' },
  ],
  [
    'a position beyond the end is another log',
    at('10'),
    log('0', '9'),
    { replaced: [expect.stringContaining('t/0')] },
  ],
  [
    'a partition that is not there is another log',
    at('1', 7),
    log('0', '9'),
    { replaced: [expect.stringContaining('t/7')], added: 1 },
  ],
  [
    'a marker is resolved by Flink and never out of range',
    at('earliest'),
    log('3', '9'),
    { markers: 1, gone: [], replaced: [] },
  ],
  [
    'offsets beyond 2^53 stay exact',
    at('9223372036854775806'),
    log('0', '9223372036854775807'),
    { inRange: 1, toReplay: '1' },
  ],
];

describe('positions against the log', () => {
  test.each(table)('%s', (_promise, position, range, expected) => {
    expect(compareOffsets([position], [range])).toMatchObject(expected);
  });
});

const MINUTE = 60_000;
const witnesses = (change: Partial<Witnesses>): Witnesses => ({
  committed: [],
  lastRead: [],
  takenAt: 100 * MINUTE,
  now: 200 * MINUTE,
  ...change,
});
const record = (time: number) => ({ lastRead: [{ topic: 't', partition: 0, time }] });
const committed = (offset: string) => ({ committed: [{ topic: 't', partition: 0, offset }] });

const contradicted: readonly [promise: string, seen: Witnesses, expected: RegExp | null][] = [
  ['a group at the end of the log is the same log', witnesses(committed('9')), null],
  [
    'a log that ends before where the group was once went backwards',
    witnesses(committed('10')),
    /t\/0: the consumer group was at 10 once, the log ends at 9/,
  ],
  ['a last record older than the state is the one that was read', witnesses(record(99 * MINUTE)), null],
  [
    'a last record younger than the state is of another log',
    witnesses(record(120 * MINUTE)),
    /t\/0: the last record that the state contains is of 1970-01-01T02:00:00.000Z/,
  ],
  ['sources may read on for a while after a checkpoint was triggered', witnesses(record(109 * MINUTE)), null],
  ["a time in the future is the producer's own", witnesses(record(201 * MINUTE)), null],
  [
    'a state of unknown time contradicts nothing',
    witnesses({ takenAt: null, ...record(120 * MINUTE) }),
    null,
  ],
];

describe('a log that cannot be the one of the positions', () => {
  test.each(contradicted)('%s', (_promise, seen, expected) => {
    const said = contradictions([log('0', '9')], seen).join();
    if (expected === null) expect(said).toBe('');
    else expect(said).toMatch(expected);
  });
});

describe('what people should know of the topics', () => {
  const limits = (change: Partial<TopicLimits> = {}): TopicLimits => ({
    topic: 't',
    retentionMs: 7 * 24 * 60 * MINUTE,
    retentionBytes: null,
    compacted: false,
    ...change,
  });

  test.each<[promise: string, positions: KafkaPosition[], of: TopicLimits, expected: RegExp | null]>([
    ['nothing, when every partition has its position', [at('5'), at('5', 1)], limits(), null],
    ['a partition that was added since, and where it is read from', [at('5')], limits(), /t\/1: added since/],
    [
      'a partition that is read from the end at the restore',
      [at('latest'), at('5', 1)],
      limits(),
      /t\/0: to be read from the end at the restore; what was written before is skipped/,
    ],
    [
      'a partition that is read from where the group stands',
      [at('committed'), at('5', 1)],
      limits(),
      /t\/0: to be read from where the consumer group stands/,
    ],
    [
      'that numbers of a compacted topic are at most',
      [at('5'), at('5', 1)],
      limits({ compacted: true }),
      /compacted: .* at most/,
    ],
    [
      'that records may go by size, and the command that keeps them',
      [at('5'), at('5', 1)],
      limits({ retentionBytes: 1024 }),
      /retention.bytes 1024.*--add-config retention.ms=1209600000,retention.bytes=-1/,
    ],
  ])('%s', (_promise, positions, of, expected) => {
    const said = notesOn(positions, [log('0', '9'), log('0', '9', 1)], [of]).join('\n');
    if (expected === null) expect(said).toBe('');
    else expect(said).toMatch(expected);
  });

  test('a short retention is extended by a day at least', () => {
    expect(extendCommand(limits({ retentionMs: 60 * MINUTE }))).toContain('retention.ms=90000000');
  });
});

describe('what may be missing at an exactly-once sink', () => {
  const checked = (transactions: OffsetCheck['transactions']): OffsetCheck => ({ ...inRange, transactions });

  test.each<[promise: string, of: OffsetCheck['transactions'], expected: RegExp | null]>([
    ['nothing, when it is not exactly-once', null, null],
    ['nothing, while its transactions last', { outageMs: 60, timeoutMs: 60 }, null],
    [
      'what the last transaction of the state holds, once it has expired',
      { outageMs: 61, timeoutMs: 60 },
      /before 1970-01-01T00:00:01.000Z may be missing: .* open for 61 ms, it expires after 60 ms/,
    ],
  ])('%s', (_promise, of, expected) => {
    const sentence = expiredTransactions(checked(of), 1_000);
    if (expected === null) expect(sentence).toBeNull();
    else expect(sentence).toMatch(expected);
  });
});
