/** A start from nothing: row by row, and that nothing else leads to one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import type { Evidence } from '../../domain/evidence.js';
import type { Next } from '../../domain/next.js';
import { fault } from '../../domain/failure.js';
import type { JobLedger } from '../../domain/ledger.js';
import { STRICT } from '../../domain/policy.js';
import { present, unknown } from '../../domain/reading.js';
import type { Assessment } from '../../domain/situation.js';
import {
  assessment,
  blind,
  broken,
  evidence,
  ledger,
  OLDER,
  path,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  sound,
  stoodStill,
  TOP,
} from '../support/evidence.js';
import { inWords } from '../support/in-words.js';

const said = { by: 'ada', reason: 'the state is lost', kafkaFrom: 'earliest' };
const away = {
  ...pointers(),
  sources: [
    ...pointers().sources,
    {
      source: 'savepoint' as const,
      where: 'x',
      points: unknown(fault('StorageUnavailable', 'refused', 'nn')),
    },
  ],
};
const none = pointers([]);
const vanished = assessment({
  runs: present([]),
  ledger: present(ledger({ runs: [{ ...(ledger().runs[0] as JobLedger['runs'][0]), state: 'RUNNING' }] })),
});
/** With the proof that nobody runs it any more. */
const stands = (seen: Assessment) => {
  const { traces, still } = stoodStill();
  return { assessment: { ...seen, traces }, still };
};

const word = (next: Next): string => {
  switch (next.do) {
    case 'ask':
      return `ask ${next.plan.about}${next.plan.approves === null ? '' : ', may be approved'}`;
    case 'start':
      return `start, gives up ${next.gaveUp.map((g) => `${g.path.split('/').at(-1)} ${g.verdict}`).join(', ')}`;
    default:
      return inWords(next);
  }
};

const rows: readonly [promise: string, known: Partial<Evidence>, expected: string][] = [
  ['looks at what is there first', { pointers: null }, 'fetchPointer'],
  ['reads what would be given up', { verdicts: {} }, 'readState chk-12'],
  ['asks once more before a sound point is given up', {}, 'ask from nothing, may be approved'],
  [
    'asks before a point is given up that nobody can judge',
    { verdicts: { [TOP]: blind } },
    'ask from nothing, may be approved',
  ],
  [
    'asks while a source cannot be looked at',
    { pointers: away, verdicts: {} },
    'ask from nothing, may be approved',
  ],
  ['reads on below a broken point', { verdicts: { [TOP]: broken } }, 'readState chk-11'],
  [
    'starts when every point is broken, and names them',
    { verdicts: { [TOP]: broken, [OLDER]: broken } },
    'start, gives up chk-12 broken, chk-11 broken',
  ],
  ['starts when there is no point at all', { pointers: none }, 'start, gives up '],
  ['a vanished job is meant too', { ...stands(vanished), pointers: none }, 'start, gives up '],
  [
    'never while Flink brings the job back',
    { assessment: assessment({ runs: present([run({ state: 'RESTARTING', running: 0 })]) }) },
    'watch',
  ],
  [
    'never what a person ended',
    { assessment: assessment({ runs: present([run({ state: 'CANCELED' })]) }), pointers: none },
    'leave: ended by a person',
  ],
  [
    'never while ZooKeeper does not say who holds the job',
    { assessment: assessment({ ha: unknown(fault('HaStoreUnavailable', 'x')) }), pointers: none },
    'fail HaStoreUnavailable',
  ],
  [
    'never with attempts: 0',
    { policy: { ...STRICT, attempts: 0 }, pointers: none },
    'abort AttemptsExhausted',
  ],
  [
    'never at a position that means nothing',
    { fromNothing: { ...said, kafkaFrom: 'yesterday' } },
    'ask from nothing',
  ],
  [
    'the run that was started so is no blank run by accident',
    {
      fromNothing: null,
      startedBlank: RUN_B,
      assessment: assessment({
        runs: present([
          run({ run: RUN_B, state: 'RUNNING', running: 4, started: 3_000, completed: 2 }),
          run(),
        ]),
      }),
    },
    'leave: healthy',
  ],
  [
    'the run that was started so is watched after a failover, which counts its checkpoints anew',
    {
      fromNothing: null,
      startedBlank: RUN_B,
      assessment: assessment({
        ledger: present(
          ledger({
            runs: [
              { run: RUN_B, started: 3_000, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: 4_000 },
            ],
          }),
        ),
        runs: present([
          run({
            run: RUN_B,
            state: 'RUNNING',
            running: 4,
            started: 5_000,
            restoredFrom: { is: 'point', path: path(RUN_B, 3) },
            completed: 0,
          }),
          run(),
        ]),
      }),
    },
    'watch',
  ],
];

describe('a person says: from nothing', () => {
  test.each(rows)('%s', (_promise, known, expected) => {
    expect(word(decide(evidence({ fromNothing: said, ...known })))).toBe(expected);
  });

  test('the approval of one question starts it, and not with another position', () => {
    const e = evidence({ fromNothing: said });
    const question = decide(e);
    if (question.do !== 'ask') throw new Error('it asks');
    const approved = [question.plan.digest];
    expect(word(decide({ ...e, approved }))).toBe('start, gives up chk-12 sound');
    expect(decide({ ...e, approved, fromNothing: { ...said, kafkaFrom: 'latest' } }).do).toBe('ask');
  });
});

describe('policy firstStart', () => {
  const policy = { ...STRICT, firstStart: { kafkaFrom: 'earliest' } } as const;
  const failed = run({ completed: 0, newest: null, latest: null });
  const watched = ledger({
    points: [],
    runs: [{ run: RUN_A, started: 1_000, restoredFrom: { is: 'nothing' }, state: 'FAILED', seen: 1_500 }],
  });
  const never = (change: Partial<JobLedger> = {}) =>
    evidence({
      policy,
      pointers: none,
      assessment: assessment({ runs: present([failed]), ledger: present({ ...watched, ...change }) }),
    });

  test('starts a job that was watched from its first run on and never completed a checkpoint', () => {
    expect(decide(never())).toMatchObject({
      do: 'start',
      from: { by: 'policy firstStart', kafkaFrom: 'earliest' },
    });
  });

  test.each<[promise: string, e: Evidence]>([
    ['the ledger has a gap', never({ gaps: [{ from: 1, to: 2 }], complete: false })],
    ['the ledger is younger than the run', never({ watchedSince: 1_001 })],
    [
      'nobody saw how a run began',
      never({ runs: [{ ...watched.runs[0]!, restoredFrom: { is: 'unseen' } }] }),
    ],
    ['the ledger knows no run', never({ runs: [] })],
    ['the policy asks', { ...never(), policy: STRICT }],
    ['every restore needs an approval', { ...never(), policy: { ...policy, approval: 'always' } }],
    [
      'a checkpoint was completed',
      { ...never(), assessment: assessment({ runs: present([run()]), ledger: present(watched) }) },
    ],
    [
      'a run is shown that the ledger does not know',
      {
        ...never(),
        assessment: assessment({
          runs: present([failed, { ...failed, run: RUN_B, started: 500 }]),
          ledger: present(watched),
        }),
      },
    ],
  ])('asks a person when %s', (_promise, e) => {
    expect(word(decide(e))).toBe('ask nothing to restore');
  });

  test('asks first whether a job that nobody saw end was stopped on purpose', () => {
    const seen = { ...watched, runs: [{ ...watched.runs[0]!, state: 'RUNNING' as const }] };
    const e = evidence({
      policy,
      pointers: none,
      ...stands(assessment({ runs: present([]), ledger: present(seen) })),
    });
    const next = decide(e);
    expect(word(next)).toBe('ask vanished, may be approved');
    const digest = next.do === 'ask' ? next.plan.digest : '';
    expect(word(decide({ ...e, approved: [digest] }))).toMatch(/^start/);
  });

  test('aborts when points were known and are gone', () => {
    expect(word(decide(never({ points: [point(RUN_A, 12)] })))).toBe('abort StateLost');
  });
});

test('nothing but a word or a watched first start leads to a start, whatever else is known', () => {
  const verdict = fc.constantFrom(sound, broken, blind);
  const known = fc.record({
    first: fc.boolean(),
    complete: fc.boolean(),
    points: fc.constantFrom([], [point(RUN_A, 12)]),
    found: fc.constantFrom(none, pointers(), away),
    top: verdict,
    older: verdict,
    attempts: fc.constantFrom(0, 1, null),
    completed: fc.constantFrom(0, 3),
    gone: fc.boolean(),
  });
  fc.assert(
    fc.property(known, (k) => {
      const next = decide(
        evidence({
          policy: { ...STRICT, attempts: k.attempts, firstStart: k.first ? { kafkaFrom: 'latest' } : 'ask' },
          pointers: k.found,
          verdicts: { [TOP]: k.top, [OLDER]: k.older },
          assessment: assessment({
            runs: present(k.gone ? [] : [run({ completed: k.completed, newest: null, latest: null })]),
            ledger: present(ledger({ complete: k.complete, points: k.points })),
          }),
        }),
      );
      if (next.do !== 'start') return;
      expect(k).toMatchObject({ first: true, complete: true, points: [], completed: 0, found: none });
      expect(k.attempts).not.toBe(0);
    }),
    { numRuns: 2_000 },
  );
});
