import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import { awaitLateCall, called, lateCallOf, TAKEN_WITHIN, type CallOutcome } from '../../domain/late-call.js';
import { assessment, evidence, RUN_A, RUN_B } from '../support/evidence.js';

const at = (is: CallOutcome['is'], time: number, repeated = false): CallOutcome => ({
  is,
  repeated,
  at: time,
});
/** What may still come after these calls of one run id, when its run has ended. */
const after = (...calls: readonly CallOutcome[]) =>
  lateCallOf({ run: RUN_B, point: 'p', ...calls.reduce((tally, call) => called(tally, call), {}) }, null);

describe('of a submission whose run has ended', () => {
  test.each<[promise: string, calls: readonly CallOutcome[], doubted: number | null]>([
    ['nothing may come when its one call was answered', [at('accepted', 1)], null],
    ['nothing may come when its one call got no answer: that one was taken', [at('in doubt', 1)], null],
    [
      'the call without an answer may come after the one that was taken',
      [at('in doubt', 1), at('accepted', 9)],
      1,
    ],
    ['one of two calls without an answer may come', [at('in doubt', 1), at('in doubt', 5)], 5],
    ['nothing may come when Flink had the run already', [at('in doubt', 1), at('duplicate', 9)], null],
    [
      'one of two may come although Flink had the run already',
      [at('in doubt', 1), at('in doubt', 5), at('duplicate', 9)],
      5,
    ],
    ['the call of a lost step may come', [at('accepted', 9, true)], 9],
    ['nothing may come of a lost step whose call was taken', [at('duplicate', 9, true)], null],
  ])('%s', (_, calls, doubted) => {
    expect(after(...calls)).toEqual(doubted === null ? null : { run: RUN_B, until: doubted + TAKEN_WITHIN });
  });

  test('what may still come of an earlier one is not forgotten', () => {
    const known = { run: RUN_A, until: 7 };
    expect(lateCallOf({ run: RUN_B, point: 'p', calls: 1 }, known)).toBe(known);
  });
});

test('an end is waited for, and no longer, with a look every minute', () => {
  const late = { run: RUN_B, until: 200_000 };
  expect(awaitLateCall(late, 199_999)).toMatchObject({ do: 'await', for: null, until: 200_000 });
  expect(awaitLateCall(late, 20_000)).toMatchObject({ do: 'await', for: null, until: 80_000 });
  expect(awaitLateCall(late, 200_000)).toBeNull();
});

describe('while a late call may still be taken', () => {
  const lateCall = { run: RUN_B, until: 20_000 };
  test('nothing is submitted under another run id', () => {
    expect(decide(evidence({ lateCall }))).toMatchObject({ do: 'await', until: 20_000 });
  });
  test('the same run id is used again', () => {
    const openSubmission = { run: RUN_B, point: 'p' };
    expect(decide(evidence({ lateCall, openSubmission }))).toMatchObject({ do: 'restore' });
  });
  test('and no longer', () => {
    expect(decide(evidence({ lateCall, assessment: assessment({ at: 20_000 }) }))).toMatchObject({
      do: 'restore',
    });
  });
});
