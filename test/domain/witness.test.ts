import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import { fault } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import type { Assessment, Traces } from '../../domain/situation.js';
import {
  exceptGroup,
  lastAlive,
  provedDead,
  stillSince,
  unaccounted,
  type Stillness,
} from '../../domain/witness.js';
import {
  assessment,
  evidence,
  ledger,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  savepoint,
  sound,
} from '../support/evidence.js';

const WHERE = `hdfs://nn:8020/flink/checkpoints/${RUN_A}`;
const traces = (change: Partial<Traces> = {}): Traces => ({
  run: RUN_A,
  quietAt: 29_000,
  apart: 10_000,
  where: WHERE,
  groupId: 'window-counts',
  directory: present('chk-12'),
  group: present('events/0=95'),
  ...change,
});
const lastSeen = (state: string) =>
  present(ledger({ runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state, seen: 9_000 }] }));
/** The ledger last saw it RESTARTING; no JobManager knows it, its HA data is gone. */
const gone = (at: number, seen: Partial<Traces> = {}, more: Partial<Assessment> = {}): Assessment =>
  assessment({ runs: present([]), ledger: lastSeen('RESTARTING'), at, traces: traces(seen), ...more });
/** The same was seen since 15 s. */
const before: Stillness = { since: 15_000, seen: traces() };

const table: readonly [
  promise: string,
  before: Stillness | null,
  now: Assessment,
  is: string | undefined,
  until?: number,
][] = [
  ['a run that REST shows FAILED needs no witness', null, assessment(), undefined],
  [
    'a run that the ledger saw FAILED needs none',
    null,
    gone(1, {}, { ledger: lastSeen('FAILED') }),
    undefined,
  ],
  [
    'a run whose end is in the archive needs none',
    null,
    gone(1, {}, { archived: present({ run: RUN_A, state: 'FAILED' }) }),
    undefined,
  ],
  [
    'the archive of another run is no end of this one',
    null,
    gone(16_000, {}, { archived: present({ run: RUN_B, state: 'FAILED' }) }),
    'not yet',
    29_000,
  ],
  ['one look is none, however long ago it was last seen', null, gone(90_000), 'not yet', 100_000],
  ['the time-outs come first', before, gone(26_000), 'not yet', 29_000],
  ['then the looks have to lie apart', { ...before, since: 25_000 }, gone(30_000), 'not yet', 35_000],
  ['the time-outs are over and nothing has moved', before, gone(29_000), 'dead'],
  ['a new checkpoint', before, gone(90_000, { directory: present('chk-13') }), 'not dead'],
  ['a group that moves', before, gone(90_000, { group: present('events/0=120') }), 'not dead'],
  [
    'a directory that comes into being',
    { since: 1, seen: traces({ directory: absent }) },
    gone(90_000),
    'not dead',
  ],
  [
    'a directory that cannot be listed',
    before,
    gone(90_000, { directory: unknown(fault('StorageUnavailable', 'refused')) }),
    'not dead',
  ],
  [
    'a group that cannot be looked at',
    before,
    gone(90_000, { group: unknown(fault('KafkaUnavailable', 'refused')) }),
    'not dead',
  ],
  [
    'without a group the directory witnesses alone',
    { since: 15_000, seen: traces({ group: absent, groupId: null }) },
    gone(29_000, { group: absent, groupId: null }),
    'dead',
  ],
  [
    'what this case has done to the group is no sign of life',
    exceptGroup(before),
    gone(29_000, { group: present('events/0=90') }),
    'dead',
  ],
  [
    'the directory still counts then',
    exceptGroup(before),
    gone(29_000, { directory: present('chk-13') }),
    'not dead',
  ],
  [
    'another run has to be looked at from the beginning',
    { since: 1, seen: traces({ run: RUN_B }) },
    gone(90_000),
    'not yet',
    100_000,
  ],
  ['nobody has looked', before, gone(90_000, {}, { traces: undefined as never }), 'not dead'],
];

describe('whether the old run is dead', () => {
  test.each(table)('%s', (_promise, known, now, is, until) => {
    const proof = provedDead(known, now);
    expect(proof?.is).toBe(is);
    if (until !== undefined) expect(proof).toMatchObject({ until });
  });

  test('the fault tells what was expected, found, where, and what happens next', () => {
    const proof = provedDead(before, gone(90_000, { directory: present('chk-13') }));
    expect(proof).toMatchObject({ because: { code: 'NotProvedDead', where: WHERE } });
    const { message } = (proof as { because: { message: string } }).because;
    expect(message).toContain('expected its checkpoint directory to stand still, found chk-13 after chk-12');
    expect(message).toContain('Nothing is submitted; it is looked at again');
  });
});

describe('how long it has stood still', () => {
  test('begins with the first look, and anew with every change', () => {
    const first = stillSince(null, gone(10_000));
    expect(first?.since).toBe(10_000);
    const second = stillSince(first, gone(20_000));
    expect(second?.since).toBe(10_000);
    expect(stillSince(second, gone(30_000, { group: present('events/0=99') }))?.since).toBe(30_000);
  });

  test('a look that saw too little neither proves nor disproves it', () => {
    const away = unknown(fault('StorageUnavailable', 'refused'));
    expect(stillSince(before, gone(20_000, { directory: away }))).toBe(before);
    const noLook = assessment({ runs: away, settings: away, ledger: lastSeen('RESTARTING') });
    expect(stillSince(before, noLook)).toBe(before);
  });

  test('a JobManager that knows the run again ends it', () => {
    expect(stillSince(before, assessment({ runs: present([run({ state: 'RUNNING' })]) }))).toBeNull();
  });

  test('offsets that the case has moved itself are compared from the next look on', () => {
    const next = stillSince(exceptGroup(before), gone(20_000, { group: present('events/0=90') }));
    expect(next).toMatchObject({ since: 15_000, seen: { group: present('events/0=90') } });
  });
});

describe('when it may last have been alive', () => {
  test('is when it was last seen, or when somebody looked again after nobody had', () => {
    const known = ledger({
      runs: [{ run: RUN_A, started: 1, restoredFrom: { is: 'unseen' }, state: 'RUNNING', seen: 9_000 }],
    });
    expect(lastAlive(known, RUN_A)).toBe(9_000);
    expect(lastAlive({ ...known, gaps: [{ from: 8_900, to: 70_000 }] }, RUN_A)).toBe(70_000);
    expect(lastAlive({ ...known, gaps: [{ from: 100, to: 5_000 }] }, RUN_A)).toBe(9_000);
  });
});

describe('the decision', () => {
  test('waits and spends no attempt while it is too early to tell', () => {
    const next = decide(evidence({ assessment: gone(26_000), still: before }));
    expect(next).toMatchObject({ do: 'await', for: null, until: 29_000, because: { code: 'NotProvedDead' } });
  });

  test('fails the attempt when something moves although nobody runs it', () => {
    const moving = gone(90_000, { directory: present('chk-13') });
    const next = decide(evidence({ assessment: moving, still: before }));
    expect(next).toMatchObject({ do: 'fail', fault: { code: 'NotProvedDead' } });
  });

  test('restores when it has stood still', () => {
    expect(decide(evidence({ assessment: gone(29_000), still: before })).do).toBe('restore');
  });

  test('asks about a job that vanished before it waits, and waits after the consent', () => {
    const vanished = gone(26_000, {}, { ledger: lastSeen('RUNNING') });
    const asks = decide(evidence({ assessment: vanished, still: before }));
    if (asks.do !== 'ask') throw new Error(`expected a question, found ${asks.do}`);
    expect(asks.plan.facts.join()).toContain(`its tasks may write on until`);
    const approved = [asks.plan.digest];
    expect(decide(evidence({ assessment: vanished, still: before, approved })).do).toBe('await');
    const later = gone(29_000, {}, { ledger: lastSeen('RUNNING') });
    expect(decide(evidence({ assessment: later, still: before, approved })).do).toBe('restore');
  });

  test('leaves a run alone whose newest snapshot stopped it, also when it was in trouble when it was last seen', () => {
    const stopped = pointers([savepoint(RUN_A, 'savepoint-aaaaaa-1', true), point(RUN_A, 12)]);
    const seen = { assessment: gone(29_000), still: before, pointers: stopped };
    expect(decide(evidence(seen))).toMatchObject({ do: 'leave', outcome: 'ended by a person' });
    expect(decide(evidence({ ...seen, chosen: point(RUN_A, 12) })).do, 'a person wants it').toBe('restore');
  });

  test('asks when a savepoint was to stop the run and it was seen to fail, after the savepoint was proved', () => {
    const top = savepoint(RUN_A, 'savepoint-aaaaaa-1', true);
    const stopped = { pointers: pointers([top, point(RUN_A, 12)]) };
    expect(decide(evidence({ ...stopped, verdicts: {} })).do).toBe('readState');
    const proved = { ...stopped, verdicts: { [top.path]: sound }, offsets: { [top.path]: absent } };
    const asks = decide(evidence(proved));
    if (asks.do !== 'ask') throw new Error(`expected a question, found ${asks.do}`);
    expect(asks.plan.about).toBe('stopped');
    expect(asks.plan.text).toMatch(/as FAILED, after the savepoint .*-aaaaaa-1 that was to stop it\. Was it/);
    expect(decide(evidence({ ...proved, approved: [asks.plan.digest] }))).toMatchObject({
      do: 'restore',
      point: { path: top.path },
    });
    expect(decide(evidence({ ...stopped, chosen: point(RUN_A, 12) })).do, 'a person wants it').toBe(
      'restore',
    );
  });

  test('a start from nothing waits for it as well', () => {
    const fromNothing = { by: 'anna', reason: 'test', kafkaFrom: 'earliest' };
    const none = { pointers: { lineage: [], sources: [] }, fromNothing };
    expect(decide(evidence({ ...none, assessment: gone(26_000), still: before })).do).toBe('await');
    expect(decide(evidence({ ...none, assessment: gone(29_000), still: before })).do).toBe('start');
  });

  test('a run whose end is known waits for nothing', () => {
    expect(unaccounted(assessment())).toBeNull();
    expect(decide(evidence()).do).toBe('restore');
  });
});
