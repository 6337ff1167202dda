import { describe, expect, test } from 'vitest';
import { parseKafkaFrom, saidFromNothing, sayStarted } from '../../domain/kafka-from.js';

describe('where in Kafka a start from nothing begins', () => {
  test.each<[text: unknown, expected: object | null]>([
    ['earliest', { is: 'earliest' }],
    ['latest', { is: 'latest' }],
    ['2026-11-23T08:00:00Z', { is: 'time', time: Date.UTC(2026, 10, 23, 8) }],
    ['2026-11-23T08:00+01:00', { is: 'time', time: Date.UTC(2026, 10, 23, 7) }],
    [
      'events/0=12, events/1=7',
      {
        is: 'offsets',
        offsets: [
          { topic: 'events', partition: 0, offset: '12' },
          { topic: 'events', partition: 1, offset: '7' },
        ],
      },
    ],
    ['pay.ments/0=9223372036854775807', { is: 'offsets' }],
    ['', null],
    ['Earliest', null],
    ['2026-11-23T08:00:00', null],
    ['2026-13-23T08:00:00Z', null],
    ['events/0=12,events/0=13', null],
    ['events/0=12,', null],
    ['events/0=-1', null],
    ['events=12', null],
    ['a b/0=12', null],
    [undefined, null],
    [12, null],
  ])('%j', (text, expected) => {
    if (expected === null) expect(parseKafkaFrom(text)).toBeNull();
    else expect(parseKafkaFrom(text)).toMatchObject(expected);
  });

  test('a word without a name or a reason is none', () => {
    const said = { by: 'ada', reason: 'state is lost', kafkaFrom: 'earliest' };
    expect(saidFromNothing(said)).toEqual(said);
    for (const key of ['by', 'reason', 'kafkaFrom'] as const)
      expect(saidFromNothing({ ...said, [key]: undefined as never })).toBeNull();
    expect(saidFromNothing({ ...said, reason: ' ' })).toBeNull();
    expect(saidFromNothing(null)).toBeNull();
  });

  test('what was given up is told', () => {
    const gaveUp = [{ path: 'hdfs://nn/chk-8', verdict: 'broken', because: 'a file is gone' }] as const;
    expect(sayStarted({ by: 'ada', reason: 'lost', kafkaFrom: 'latest', gaveUp }).join('\n')).toBe(
      'Started from nothing by ada: lost. Kafka from latest.\nGiven up: hdfs://nn/chk-8 (broken: a file is gone)',
    );
  });
});
