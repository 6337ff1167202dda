import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { decide } from '../../domain/decide.js';
import type { Evidence } from '../../domain/evidence.js';
import { calledAgain, takenFrom } from '../../domain/submission.js';
import { fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { absent, present, unknown, type Reading } from '../../domain/reading.js';
import type { Verdict } from '../../domain/restore-point.js';
import { isTerminal, type Assessment } from '../../domain/situation.js';
import {
  assessment,
  blind,
  broken,
  EMPTY,
  evidence,
  facts,
  inRange,
  mayRepair,
  OLDER,
  path,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  savepoint,
  sound,
  stuck,
  TOP,
} from '../support/evidence.js';
import { inWords } from '../support/in-words.js';

const keepGoing = { ...STRICT, fallback: 'checkpoint' } as const;
const away = unknown(fault('StorageUnavailable', 'connection refused'));

const table: readonly [promise: string, known: Partial<Evidence>, expected: string][] = [
  ['begins by looking who can bring the job back', { assessment: null }, 'assess'],
  ['then looks where the state is', { pointers: null }, 'fetchPointer'],
  ['then reads the top rung', { verdicts: {} }, 'readState chk-12'],
  ['then asks Kafka', { offsets: {} }, 'checkOffsets chk-12'],
  ['restores the newest sound point', {}, 'restore chk-12'],
  ['restores when the job reads no Kafka', { offsets: { [TOP]: absent } }, 'restore chk-12'],
  [
    'an unknown top rung fails the attempt',
    { verdicts: { [TOP]: blind, [OLDER]: sound } },
    'fail BlocksMissing',
  ],
  [
    'an unknown source fails the attempt',
    {
      pointers: {
        ...pointers(),
        sources: [...pointers().sources, { source: 'savepoint', where: 'x', points: away }],
      },
    },
    'fail StorageUnavailable',
  ],
  [
    'an unanswered Kafka fails the attempt',
    { offsets: { [TOP]: unknown(fault('KafkaUnavailable', 'x')) } },
    'fail KafkaUnavailable',
  ],
  ['reads on below a broken top', { verdicts: { [TOP]: broken } }, 'readState chk-11'],
  [
    'asks Kafka about an older point, so that the question can tell the cost',
    { verdicts: { [TOP]: broken, [OLDER]: sound } },
    'checkOffsets chk-11',
  ],
  [
    'asks before an older point by default',
    { verdicts: { [TOP]: broken, [OLDER]: sound }, offsets: { [OLDER]: present(inRange) } },
    'ask fallback',
  ],
  [
    'falls back when the policy says so',
    {
      policy: keepGoing,
      verdicts: { [TOP]: broken, [OLDER]: sound },
      offsets: { [OLDER]: present(inRange) },
    },
    'restore chk-11',
  ],
  [
    'an unknown rung above an older one stops the fall',
    { policy: keepGoing, verdicts: { [TOP]: broken, [OLDER]: blind } },
    'fail BlocksMissing',
  ],
  [
    'asks when every point is broken',
    { policy: keepGoing, verdicts: { [TOP]: broken, [OLDER]: broken } },
    'ask no sound point',
  ],
  [
    'asks when records are gone',
    { offsets: { [TOP]: present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] }) } },
    'ask offset gap',
  ],
  [
    'aborts on a gap when the policy says so',
    {
      policy: { ...STRICT, onOffsetGap: 'abort' },
      offsets: { [TOP]: present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] }) },
    },
    'abort OffsetsGone',
  ],
  [
    'accepts a gap when the policy says so',
    {
      policy: { ...STRICT, onOffsetGap: 'accept' },
      offsets: { [TOP]: present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] }) },
    },
    'restore chk-12',
  ],
  [
    'always asks about a replaced log',
    {
      policy: { ...STRICT, onOffsetGap: 'accept' },
      offsets: { [TOP]: present({ ...inRange, replaced: ['t/0'] }) },
    },
    'ask log replaced',
  ],
  [
    'asks about expired transactions',
    { offsets: { [TOP]: present({ ...inRange, transactions: { outageMs: 2, timeoutMs: 1 } }) } },
    'ask transactions',
  ],
  [
    'asks about changelog handles',
    { verdicts: { [TOP]: { is: 'sound', facts: { ...facts, claimHazards: ['changelog'] } } } },
    'ask claim',
  ],
  ['asks when the point is too old', { policy: { ...STRICT, maxStateAge: 1 } }, 'ask state age'],
  ['asks when the policy wants approval', { policy: { ...STRICT, approval: 'always' } }, 'ask approval'],
  ['aborts when remembered points are all gone', { pointers: pointers([]) }, 'abort StateLost'],
  [
    'asks when nothing was ever remembered',
    { pointers: pointers([]), assessment: assessment({ ledger: absent }) },
    'ask nothing to restore',
  ],
  [
    'with attempts 0 says what it would do and does nothing',
    { policy: { ...STRICT, attempts: 0 } },
    'abort AttemptsExhausted',
  ],
  [
    'never undoes a cancel',
    { assessment: assessment({ runs: present([run({ state: 'CANCELED' })]) }) },
    'leave: ended by a person',
  ],
  [
    'leaves a healthy job with a checkpoint since the alert',
    { assessment: assessment({ runs: present([run({ state: 'RUNNING', running: 4 })]) }) },
    'leave: healthy',
  ],
  [
    'does not believe a job whose checkpoints are all from before the alert',
    { since: 1_501, assessment: assessment({ runs: present([run({ state: 'RUNNING', running: 4 })]) }) },
    'watch',
  ],
  [
    'leaves a restarting job to Flink',
    { assessment: assessment({ runs: present([run({ state: 'RESTARTING' })]) }) },
    'watch',
  ],
  [
    'proves its own submission instead of repeating it',
    {
      openSubmission: { run: RUN_B, point: TOP },
      assessment: assessment({ runs: present([run({ run: RUN_B, state: 'RUNNING' }), run()]) }),
    },
    'confirm',
  ],
  [
    'stops when the HA settings are not ours',
    { assessment: assessment({ settings: present({ differs: 'root' }) }) },
    'ask unknown',
  ],
  ["takes a person's choice before the ladder", { chosen: point(RUN_A, 3), verdicts: {} }, 'readState chk-3'],
];

const deadEnds: readonly [promise: string, known: Partial<Evidence>, expected: string][] = [
  ['first looks whether it may be repaired', {}, 'checkRepair'],
  ['asks before it is repaired', { repair: mayRepair }, 'ask dead end'],
  [
    'waits for the storage before anybody is asked',
    { repair: { is: 'wait', for: 'storage', until: null, because: fault('StorageNotWritable', 'x') } },
    'await storage',
  ],
  [
    'waits until the file is old enough',
    { repair: { is: 'wait', for: null, until: 9, because: fault('FlinkRestarting', 'x') } },
    'await a time',
  ],
  ['watches when there is nothing to repair any more', { repair: { is: 'over', because: 'x' } }, 'watch'],
  ['asks when no waiting makes it right', { repair: { is: 'forbidden', because: 'x' } }, 'ask dead end'],
  ['only explains with repairs: never', { policy: { ...STRICT, repairs: 'never' } }, 'ask dead end'],
  ['only explains with attempts: 0', { policy: { ...STRICT, attempts: 0 } }, 'ask dead end'],
];

describe('a dead end', () => {
  const found = (known: Partial<Evidence>) => evidence({ assessment: stuck, ...known });

  test.each(deadEnds)('%s', (_promise, known, expected) => {
    expect(inWords(decide(found(known)))).toBe(expected);
  });

  test.each<[string, Partial<Evidence>]>([
    ['the policy is never', { policy: { ...STRICT, repairs: 'never' }, repair: mayRepair }],
    ['attempts is 0', { policy: { ...STRICT, attempts: 0 }, repair: mayRepair }],
    ['a precondition can never hold', { repair: { is: 'forbidden', because: 'x' } }],
  ])('offers nothing to approve when %s', (_why, known) => {
    const next = decide(found(known));
    expect(next.do === 'ask' && next.plan.approves).toBeNull();
  });

  test('is repaired when its repair was approved, and never on the approval of another file', () => {
    const asked = decide(found({ repair: mayRepair }));
    if (asked.do !== 'ask') throw new Error('expected a question');
    expect(asked.plan.approves).toBe(`rename ${EMPTY.path} of 1970-01-01T00:00:01.000Z aside`);
    const approved = [asked.plan.digest];
    expect(decide(found({ repair: mayRepair, approved }))).toMatchObject({ do: 'repair', modified: 1_000 });
    const newer = { ...mayRepair, modified: 2_000 };
    expect(inWords(decide(found({ repair: newer, approved })))).toBe('ask dead end');
  });

  test('that was approved waits all the same when the storage is away again', () => {
    const asked = decide(found({ repair: mayRepair }));
    if (asked.do !== 'ask') throw new Error('expected a question');
    const repair = {
      is: 'wait',
      for: 'storage',
      until: null,
      because: fault('StorageSafeMode', 'x'),
    } as const;
    expect(inWords(decide(found({ repair, approved: [asked.plan.digest] })))).toBe('await storage');
  });
});

test('a job result that nobody can read is asked about, never repaired', () => {
  const { path } = EMPTY;
  const corrupt = unknown(fault('StateCorrupt', 'found 3 bytes'));
  const seen = {
    ...stuck,
    runs: unknown(fault('FlinkUnavailable', 'refused')),
    leads: present(null),
    needs: { storage: null },
    dirty: present([{ run: RUN_A, path, length: 3, state: corrupt }]),
  };
  const long = {
    deadEnd: { is: 'UnreadableJobResult', run: RUN_A, path, found: 'x' },
    since: -60_000,
  } as const;
  const next = decide(evidence({ assessment: seen, stuck: long, repair: mayRepair }));
  expect(inWords(next)).toBe('ask dead end');
  if (next.do !== 'ask') throw new Error('expected a question');
  expect(next.plan.approves).toBeNull();
  expect(next.plan.text).toMatch(/^UnreadableJobResult: .*Holdfast does not touch it/);
});

describe('a run of ours that Flink shows, of which two calls were made from different points', () => {
  const first = { run: RUN_B, point: TOP, calls: 2 };
  const open = calledAgain(first, { point: OLDER, accepted: ['an older point'] });
  const from = (path: string) =>
    run({ run: RUN_B, ended: null, state: 'RUNNING', restoredFrom: { is: 'point', path } });
  const proved = (path: string) =>
    decide(evidence({ assessment: assessment({ runs: present([from(path)]) }), openSubmission: open }));

  test('is proved by the point that it was restored from', () => {
    expect(proved(TOP)).toMatchObject({ do: 'confirm', run: RUN_B, point: TOP });
    expect(proved(OLDER)).toMatchObject({ do: 'confirm', run: RUN_B, point: OLDER });
    expect(takenFrom(open, OLDER).accepted).toEqual(['an older point']);
  });

  test('that named the same point is one call', () => {
    expect(calledAgain(open, { point: OLDER })).toBe(open);
    expect(calledAgain(first, { point: TOP })).toBe(first);
  });
});

describe('what to do next', () => {
  test.each(table)('%s', (_promise, known, expected) => {
    expect(inWords(decide(evidence(known)))).toBe(expected);
  });

  test('asks which branch is the truth when a newer run started from nothing', () => {
    const two = {
      lineage: [
        { run: RUN_B, started: 2_000, restoredFrom: { is: 'nothing' } as const },
        { run: RUN_A, started: 1_000, restoredFrom: { is: 'nothing' } as const },
      ],
      sources: [
        { source: 'directory' as const, where: 'x', points: present([point(RUN_B, 2), point(RUN_A, 12)]) },
      ],
    };
    expect(inWords(decide(evidence({ pointers: two })))).toBe('readState chk-2');
    const verdicts = { [path(RUN_B, 2)]: sound, [TOP]: sound };
    const next = decide(evidence({ pointers: two, verdicts }));
    expect(inWords(next)).toBe('ask branch');
    expect(next.do === 'ask' && next.plan.choices).toEqual([path(RUN_B, 2), path(RUN_A, 12)]);
  });

  test('approval of one plan is no approval of another', () => {
    const gap = (records: string) =>
      evidence({
        offsets: { [TOP]: present({ ...inRange, gone: [{ topic: 't', partition: 0, records }] }) },
      });
    const asked = decide(evidence({ policy: { ...STRICT, approval: 'always' } }));
    if (asked.do !== 'ask') throw new Error('expected a question');
    expect(
      inWords(decide(evidence({ policy: { ...STRICT, approval: 'always' }, approved: [asked.plan.digest] }))),
    ).toBe('restore chk-12');
    expect(inWords(decide({ ...gap('7'), approved: [asked.plan.digest] }))).toBe('ask offset gap');
  });

  test('with fallback savepoint only a savepoint is taken instead of a broken checkpoint', () => {
    const sp = savepoint(RUN_A, 'savepoint-aaaaaa-1');
    const known: Partial<Evidence> = {
      policy: { ...STRICT, fallback: 'savepoint' },
      pointers: pointers([point(RUN_A, 12), point(RUN_A, 11), sp]),
      verdicts: { [TOP]: broken },
    };
    expect(inWords(decide(evidence(known)))).toBe('readState savepoint-aaaaaa-1');
  });
});

// Any combination of readings and verdicts, however absurd.
const faultArb = fc.constantFrom(
  fault('StorageUnavailable', 'x'),
  fault('KafkaUnavailable', 'y'),
  fault('HaStoreUnavailable', 'z'),
);
const readingOf = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Reading<T>> =>
  fc.oneof(value.map(present), fc.constant(absent), faultArb.map(unknown));
const verdictArb: fc.Arbitrary<Verdict | null> = fc.oneof(
  fc.constant(null),
  fc.constant(sound),
  fc.constant(broken),
  fc.constant(blind),
);
const stateArb = fc.constantFrom(
  'FAILED',
  'CANCELED',
  'FINISHED',
  'RUNNING',
  'RESTARTING',
  'CANCELLING',
  'SUSPENDED',
);
const runArb = fc
  .record({ state: stateArb, running: fc.constantFrom(0, 4), completed: fc.constantFrom(0, 3) })
  .map((c) => run(c));
const assessmentArb: fc.Arbitrary<Assessment> = fc
  .record({
    runs: readingOf(fc.array(runArb, { maxLength: 2 })),
    ha: readingOf(
      fc.constantFrom([], [{ run: RUN_A, graph: true, checkpoints: 1, belongs: 'ours' as const }]),
    ),
    dirty: readingOf(fc.constant([{ run: RUN_A, path: '/x', length: 0 }])),
    ledger: readingOf(
      fc
        .constant(assessment().ledger)
        .map((l) => (l.is === 'present' ? l.value : null))
        .filter((l) => l !== null),
    ),
  })
  .map((seen) => assessment(seen));
const ids = [12, 11, 10];
const evidenceArb = fc
  .record({
    assessment: assessmentArb,
    verdicts: fc.tuple(verdictArb, verdictArb, verdictArb),
    offsets: readingOf(fc.constantFrom(inRange, { ...inRange, replaced: ['t/0'] })),
    blindSource: fc.boolean(),
    fallback: fc.constantFrom('never', 'checkpoint', 'savepoint'),
  })
  .map(({ assessment: a, verdicts, offsets, blindSource, fallback }): Evidence => {
    const all = pointers(ids.map((id) => point(RUN_A, id)));
    const sources = blindSource
      ? [...all.sources, { source: 'savepoint' as const, where: 's', points: away }]
      : all.sources;
    const known = verdicts.flatMap((v, i) => (v === null ? [] : [[path(RUN_A, ids[i] ?? 0), v] as const]));
    return evidence({
      policy: { ...STRICT, fallback: fallback },
      assessment: a,
      pointers: { ...all, sources },
      verdicts: Object.fromEntries(known),
      offsets: Object.fromEntries(ids.map((id) => [path(RUN_A, id), offsets])),
    });
  });

describe('whatever is known', () => {
  test('a submission needs a sound point, and nothing above it may be unknown', () => {
    fc.assert(
      fc.property(evidenceArb, (e) => {
        const next = decide(e);
        if (next.do !== 'restore') return;
        expect(e.verdicts[next.point.path]?.is).toBe('sound');
        for (const id of ids.filter((i) => i > Number(next.point.id)))
          expect(e.verdicts[path(RUN_A, id)]?.is).toBe('broken');
        expect(e.pointers?.sources.some((s) => s.points.is === 'unknown')).toBe(false);
        expect(e.assessment?.ha.is).not.toBe('unknown');
        expect(e.assessment?.runs.is).toBe('present');
        if (e.policy.fallback === 'never') expect(next.point.id).toBe('12');
      }),
      { numRuns: 5_000 },
    );
  });

  test('while a run is alive nothing is submitted', () => {
    fc.assert(
      fc.property(evidenceArb, (e) => {
        const runs = e.assessment?.runs.is === 'present' ? e.assessment.runs.value : [];
        if (runs.some((r) => !isTerminal(r.state))) expect(decide(e).do).not.toBe('restore');
      }),
      { numRuns: 2_000 },
    );
  });
});
