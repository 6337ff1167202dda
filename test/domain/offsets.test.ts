import { describe, expect, test } from 'vitest';
import { compareOffsets, type LogRange } from '../../domain/offsets.js';
import type { KafkaPosition } from '../../domain/restore-point.js';

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
