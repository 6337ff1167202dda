/** The last row of design 5: attempt N failed, or the deadline passed. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import type { Evidence } from '../../domain/evidence.js';
import { whenExhausted, type LastPassState } from '../../domain/exhausted.js';
import { fault } from '../../domain/failure.js';
import { judgesPoint, lastPass } from '../../domain/last-pass.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present, unknown } from '../../domain/reading.js';
import type { Verdict } from '../../domain/restore-point.js';
import {
  blind,
  broken,
  evidence,
  facts,
  inRange,
  OLDER,
  path,
  point,
  pointers,
  RUN_A,
  RUN_B,
  savepoint,
  sound,
  TOP,
} from '../support/evidence.js';
import { inWords } from '../support/in-words.js';

const spent = fault('AttemptsExhausted', 'attempt 3 of 3 failed: connection refused');
const late = fault('DeadlinePassed', 'not recovered within 21600 s; last: connection refused');

describe('when nothing more may be tried', () => {
  test.each<[string, Partial<Policy>, LastPassState, string]>([
    ['aborts by default', {}, 'none', 'abort'],
    ['asks when the policy says so', { onExhausted: 'ask' }, 'none', 'ask'],
    [
      'asks with unlimited attempts, after the deadline',
      { onExhausted: 'ask', attempts: null },
      'none',
      'ask',
    ],
    ['makes one pass for a savepoint', { onExhausted: 'savepoint' }, 'none', 'last pass'],
    ['makes no second one', { onExhausted: 'savepoint' }, 'over', 'abort'],
    ['aborts when that pass has failed', { onExhausted: 'savepoint' }, 'now', 'abort'],
    [
      'with attempts 0 nothing was tried and nothing is granted',
      { onExhausted: 'ask', attempts: 0 },
      'none',
      'abort',
    ],
    ['with attempts 0 no savepoint is taken', { onExhausted: 'savepoint', attempts: 0 }, 'none', 'abort'],
  ])('%s', (_promise, policy, pass, expected) => {
    for (const because of [spent, late])
      expect(whenExhausted({ ...STRICT, ...policy }, because, pass, []).is).toBe(expected);
  });

  test('the question grants N more, offers the restore points, and rejecting it aborts', () => {
    const asked = whenExhausted({ ...STRICT, attempts: 3, onExhausted: 'ask' }, spent, 'none', [
      path(RUN_A, 12),
    ]);
    if (asked.is !== 'ask') throw new Error('expected a question');
    expect(asked.plan).toMatchObject({
      about: 'exhausted',
      approves: 'grant 3 more attempts, with a new deadline of 360 min',
      choices: [path(RUN_A, 12)],
      because: spent,
    });
    expect(asked.plan.text).toContain('reject, which aborts');
  });
});

const SAVED = savepoint(RUN_A, 'savepoint-aaaaaa-1');
const SP = SAVED.path;
/** The savepoint was taken between checkpoint 11 and 12. */
const saved: Verdict = { is: 'sound', facts: { ...facts, checkpointId: '11' } };
const rungs = [point(RUN_A, 12), point(RUN_A, 10), SAVED];

describe('the one pass for a savepoint', () => {
  const pass = (known: Partial<Evidence>) =>
    decide(
      evidence({
        policy: { ...STRICT, onExhausted: 'savepoint' },
        pointers: pointers(rungs),
        lastPass: true,
        offsets: { [SP]: present(inRange) },
        ...known,
      }),
    );
  const all = (top: Verdict, below: Verdict = saved, last: Verdict = saved) => ({
    [TOP]: top,
    [path(RUN_A, 10)]: below,
    [SP]: last,
  });

  test.each<[string, Partial<Evidence>, string]>([
    ['reads every newer rung first', { verdicts: {} }, 'readState chk-12'],
    ['reads them all, whatever the fallback allows', { verdicts: { [TOP]: broken } }, 'readState chk-10'],
    [
      'takes the savepoint when every newer point is broken',
      { verdicts: all(broken, broken) },
      'restore savepoint-aaaaaa-1',
    ],
    [
      'takes it when Flink refused the newer point',
      { verdicts: all(sound), refused: [TOP] },
      'restore savepoint-aaaaaa-1',
    ],
    [
      'does not take it while a newer point is sound and never refused',
      { verdicts: all(sound) },
      'abort AttemptsExhausted',
    ],
    [
      'a checkpoint from before the savepoint does not stand in its way',
      { verdicts: all(broken, sound) },
      'restore savepoint-aaaaaa-1',
    ],
    ['never while a newer point is unknown', { verdicts: all(blind), refused: [TOP] }, 'fail BlocksMissing'],
    [
      'not even when the unknown point was refused',
      { verdicts: all(sound, blind), refused: [TOP] },
      'fail BlocksMissing',
    ],
    [
      'not when the savepoint itself is broken',
      { verdicts: all(broken, broken, broken) },
      'abort AttemptsExhausted',
    ],
    [
      'not when Flink has refused the savepoint too',
      { verdicts: all(broken, broken), refused: [SP] },
      'abort AttemptsExhausted',
    ],
    [
      'asks about records that are gone as ever',
      {
        verdicts: all(broken, broken),
        offsets: { [SP]: present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] }) },
      },
      'ask offset gap',
    ],
    ['asks Kafka first', { verdicts: all(broken, broken), offsets: {} }, 'checkOffsets savepoint-aaaaaa-1'],
    [
      'fails while a source cannot be looked at',
      {
        verdicts: all(broken, broken),
        pointers: {
          ...pointers(rungs),
          sources: [{ source: 'savepoint', where: 'x', points: unknown(fault('StorageUnavailable', 'x')) }],
        },
      },
      'fail StorageUnavailable',
    ],
  ])('%s', (_promise, known, expected) => {
    expect(inWords(pass(known))).toBe(expected);
  });

  test('a point of a newer run stands in its way whatever its id', () => {
    const ladder = [
      { point: point(RUN_B, 2), sources: [] },
      { point: SAVED, sources: [] },
    ];
    const verdicts = { [path(RUN_B, 2)]: sound, [SP]: saved };
    expect(lastPass(ladder, verdicts, [])).toMatchObject({ is: 'nothing' });
    expect(lastPass(ladder, verdicts, [path(RUN_B, 2)])).toMatchObject({ is: 'take', point: SAVED });
  });

  test('without it nothing changes: a savepoint is not taken past a sound checkpoint that Flink refused', () => {
    const known = {
      pointers: pointers(rungs),
      verdicts: all(sound),
      refused: [TOP],
      offsets: { [TOP]: present(inRange) },
    };
    expect(inWords(decide(evidence(known)))).toBe('restore chk-12');
  });
});

test.each([
  ['StateMissing', true],
  ['StateCorrupt', true],
  ['StateIncompatible', true],
  ['StateTooNew', true],
  ['StorageUnavailable', false],
  ['StorageSafeMode', false],
  ['SubmitInDoubt', false],
  ['NoSlots', false],
  ['Unclassified', false],
] as const)('a submission that failed with %s judges the point: %s', (code, expected) => {
  expect(judgesPoint(code)).toBe(expected);
});

test('an approval is asked for before an older point, when the policy wants it only there', () => {
  const policy = { ...STRICT, fallback: 'checkpoint', approval: 'fallback' } as const;
  const older = { verdicts: { [TOP]: broken, [OLDER]: sound }, offsets: { [OLDER]: present(inRange) } };
  const asked = decide(evidence({ policy, ...older }));
  expect(inWords(asked)).toBe('ask fallback');
  if (asked.do !== 'ask') return;
  expect(inWords(decide(evidence({ policy, ...older, approved: [asked.plan.digest] })))).toBe(
    'restore chk-11',
  );
  expect(inWords(decide(evidence({ policy })))).toBe('restore chk-12');
});

test('with attempts 0 a question tells what it would be, and offers nothing to approve', () => {
  const older = { verdicts: { [TOP]: broken, [OLDER]: sound }, offsets: { [OLDER]: present(inRange) } };
  const asked = decide(evidence({ policy: { ...STRICT, attempts: 0 }, ...older }));
  expect(inWords(asked)).toBe('ask fallback');
  expect(asked.do === 'ask' && asked.plan.approves).toBeNull();
});
