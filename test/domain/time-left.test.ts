import { describe, expect, test } from 'vitest';
import { costOf } from '../../domain/cost.js';
import { lasting, size } from '../../domain/words.js';
import { decide } from '../../domain/decide.js';
import { present } from '../../domain/reading.js';
import { STRICT } from '../../domain/policy.js';
import { newestTimeLeft, timeLeftOf } from '../../domain/time-left.js';
import { assessment, evidence, facts, inRange, path, point, run, RUN_A } from '../support/evidence.js';

const TOP = path(RUN_A, 12);
const busy = assessment({
  runs: present([run({ parallelism: 4 })]),
  slots: present({ total: 8, free: 2 }),
});
const check = {
  ...inRange,
  expires: { topic: 'events', partition: 3, inMs: 60_000 },
  transactions: { outageMs: 5_000, timeoutMs: 9_000 },
};

describe('time left', () => {
  const left = timeLeftOf(evidence({ offsets: { [TOP]: present(check) } }));
  const of = (kind: string) => left.find((l) => l.of === kind);

  test('counts from the look at Kafka, and names the command that gives more', () => {
    expect(of('kafka')).toMatchObject({ until: 10_000 + 60_000 });
    expect(of('kafka')?.extend).toContain('--entity-name events --add-config retention.ms=');
  });

  test('counts the transaction time-out from the outage, and promises no way to extend it', () => {
    expect(of('transactions')).toMatchObject({ until: 10_000 + 4_000, extend: null });
  });

  test('says that restore points and ledger do not run out by themselves, and that Flink forgets the run', () => {
    expect(of('state')).toMatchObject({ until: null, what: 'the 2 restore points' });
    expect(of('ledger')?.until).toBeNull();
    expect(of('flink')).toMatchObject({ until: 2_000 + 3_600_000 });
  });

  test('keeps what an attempt has not looked at yet', () => {
    const begun = timeLeftOf(evidence({ pointers: null, offsets: {}, verdicts: {} }));
    expect(begun.map((l) => l.of)).toEqual(['flink', 'ledger']);
    expect(newestTimeLeft(left, begun).map((l) => l.of)).toEqual([
      'flink',
      'ledger',
      'kafka',
      'transactions',
      'state',
    ]);
  });
});

describe('cost', () => {
  const restore = { point: point(RUN_A, 12), facts, check: inRange, assessment: busy, passed: 0 };

  test('names age, records to replay, duplicates and slots', () => {
    expect(costOf(restore)).toEqual([
      'State: checkpoint 12, 9 s old, 7 files with 7.0 KB',
      'Replay: 440 records from Kafka',
      'Duplicates: what the sink got since this point comes again, unless it overwrites by key or writes exactly once',
      'Slots: 4 needed, 2 of 8 are free',
    ]);
  });

  test('an exactly-once sink sees nothing twice from the newest point, and does from an older one', () => {
    const transactions = { outageMs: 1, timeoutMs: 2 };
    const lines = (passed: number) => costOf({ ...restore, passed, check: { ...inRange, transactions } });
    expect(lines(0)[2]).toContain('none for readers of committed records');
    expect(lines(2)[2]).toContain('comes again');
  });

  test('says what is not known instead of a number', () => {
    expect(
      costOf({ ...restore, point: { ...restore.point, time: null }, assessment: null, check: null }),
    ).toEqual([
      'State: checkpoint 12, of unknown age, 7 files with 7.0 KB',
      'Replay: no Kafka positions to compare',
      'Duplicates: what the sink got since this point comes again, unless it overwrites by key or writes exactly once',
      'Slots: needed number unknown, free ones unknown',
    ]);
  });

  test('is part of every question that restores', () => {
    const gap = { ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] };
    const vanished = assessment({ runs: present([]), ledger: present({ ...ledgerOf(), runs: [] }) });
    for (const known of [
      { policy: { ...STRICT, approval: 'always' as const } },
      { offsets: { [TOP]: present(gap) } },
      { assessment: vanished },
    ]) {
      const next = decide(evidence(known));
      if (next.do !== 'ask') throw new Error(`expected a question, found ${next.do}`);
      expect(next.plan.facts.map((f) => f.split(':')[0])).toEqual(['State', 'Replay', 'Duplicates', 'Slots']);
    }
  });
});

function ledgerOf() {
  const { ledger } = assessment();
  if (ledger.is !== 'present') throw new Error('expected a ledger');
  return ledger.value;
}

test.each([
  [0, '0 s'],
  [119_000, '119 s'],
  [600_000, '10 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('%i ms are %s', (ms, words) => expect(lasting(ms)).toBe(words));

test.each([
  [512, '512 B'],
  [7_000, '7.0 KB'],
  [1_250_000_000, '1.3 GB'],
])('%i bytes are %s', (bytes, words) => expect(size(bytes)).toBe(words));
