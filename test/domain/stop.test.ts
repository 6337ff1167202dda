import { describe, expect, test } from 'vitest';
import { decide } from '../../domain/decide.js';
import type { Evidence } from '../../domain/evidence.js';
import { fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { situationOf, type RunView } from '../../domain/situation.js';
import { checkStop, stopConsent, stopNeedsApproval, type StopEvidence } from '../../domain/stop.js';
import {
  assessment,
  broken,
  evidence,
  inRange,
  ledger,
  OLDER,
  path,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  sound,
  TOP,
} from '../support/evidence.js';

const running: StopEvidence = {
  state: 'RUNNING',
  running: 4,
  tasks: 4,
  completed: 3,
  retained: present(true),
};
const table: readonly [promise: string, seen: Partial<StopEvidence>, expected: string][] = [
  ['retained checkpoints outlive a cancel', {}, 'cancel'],
  ['so they do while it restarts', { state: 'RESTARTING', running: 0 }, 'cancel'],
  [
    'without a checkpoint of its own there is nothing to lose',
    { completed: 0, retained: present(false) },
    'cancel',
  ],
  ['checkpoints that a cancel deletes', { retained: present(false) }, 'savepoint first'],
  ['with checkpointing switched off since', { retained: absent }, 'savepoint first'],
  ['no savepoint of a run that does not run', { retained: present(false), state: 'RESTARTING' }, 'forbidden'],
  ['nor of one that runs in part', { retained: present(false), running: 3 }, 'forbidden'],
  [
    'it cannot be seen whether they are retained',
    { retained: unknown(fault('FlinkUnavailable', 'x')) },
    'unknown',
  ],
  ['it is over', { state: 'FAILED' }, 'over'],
  ['somebody else is at it', { state: 'CANCELLING' }, 'over'],
];

describe('whether a run may be stopped, and how', () => {
  test.each(table)('%s', (_promise, seen, expected) => {
    expect(checkStop({ ...running, ...seen }).is).toBe(expected);
  });

  test('only a run of ours without a checkpoint of its own needs nobody', () => {
    expect(stopNeedsApproval(RUN_A, 0, [RUN_A])).toBe(false);
    expect(stopNeedsApproval(RUN_A, 1, [RUN_A])).toBe(true);
    expect(stopNeedsApproval(RUN_A, 0, [RUN_B])).toBe(true);
  });
});

describe('a restore loop', () => {
  const looping = (change: Partial<RunView> = {}): RunView =>
    run({ state: 'RESTARTING', ended: null, sameFaults: 3, retained: present(true), ...change });
  const seen = (change: Partial<RunView> = {}, more: Partial<Evidence> = {}) =>
    evidence({
      assessment: assessment({ runs: present([looping(change)]) }),
      verdicts: { [TOP]: broken },
      ...more,
    });
  const approved = (e: Evidence): Evidence => {
    const next = decide(e);
    return next.do === 'ask' ? { ...e, approved: [next.plan.digest] } : e;
  };

  test('is stopped only when a person has approved', () => {
    expect(decide(seen())).toMatchObject({
      do: 'ask',
      plan: { about: 'dead end', approves: `cancel run ${RUN_A}` },
    });
    expect(decide(approved(seen()))).toMatchObject({ do: 'stop', run: RUN_A, approved: true });
  });

  test.each<[string, Partial<RunView>, Partial<Evidence>]>([
    ['the policy says never', {}, { policy: { ...STRICT, repairs: 'never' } }],
    ['Holdfast only observes', {}, { policy: { ...STRICT, attempts: 0 } }],
    ['a cancel would delete its checkpoints', { retained: present(false) }, {}],
  ])('is only explained when %s', (_when, change, more) => {
    expect(decide(seen(change, more))).toMatchObject({ do: 'ask', plan: { approves: null } });
  });

  test('of a run of ours that never completed a checkpoint is ended without asking', () => {
    const given = { is: 'point', path: TOP } as const;
    const own = { run: RUN_B, completed: 0, latest: null, newest: null, restoredFrom: given };
    const open = { run: RUN_B, point: TOP };
    const e = seen(own, { openSubmission: open, submitted: [RUN_B] });
    expect(decide(e)).toMatchObject({ do: 'stop', run: RUN_B, approved: false });
    expect(decide({ ...e, verdicts: {} })).toMatchObject({ do: 'readState', point: { path: TOP } });
    expect(decide({ ...e, verdicts: { [TOP]: sound } })).toMatchObject({ do: 'confirm' });
    // Not of a run that has a checkpoint, and not of one that somebody else started.
    const further = seen({ ...own, completed: 1, latest: TOP }, { openSubmission: open, submitted: [RUN_B] });
    expect(decide(further)).toMatchObject({ do: 'ask', plan: { approves: `cancel run ${RUN_B}` } });
    expect(decide({ ...e, openSubmission: null, submitted: [] }).do).toBe('ask');
  });
});

describe('a run that this case has stopped', () => {
  const cancelled = run({ state: 'CANCELED' });

  test('is abandoned, not ended by a person', () => {
    const a = assessment({ runs: present([cancelled]) });
    expect(situationOf(a).is).toBe('ended');
    expect(situationOf({ ...a, stopped: [RUN_B] }).is).toBe('ended');
    expect(situationOf({ ...a, stopped: [RUN_A] })).toMatchObject({ is: 'abandoned', run: RUN_A });
  });

  test('is abandoned also when only the ledger has seen its end', () => {
    const seen = {
      run: RUN_A,
      started: 1,
      restoredFrom: { is: 'unseen' },
      state: 'CANCELED',
      seen: 2,
    } as const;
    const a = assessment({ runs: present([]), ledger: present(ledger({ runs: [seen] })) });
    expect(situationOf({ ...a, stopped: [RUN_A] }).is).toBe('abandoned');
  });

  test('that a person has stopped with a savepoint meanwhile stays ended', () => {
    const a = assessment({ runs: present([run({ state: 'FINISHED' })]), stopped: [RUN_A] });
    expect(situationOf(a).is).toBe('ended');
  });
});

describe('a run that started from nothing', () => {
  const blank = run({
    run: RUN_B,
    state: 'RUNNING',
    started: 9_000,
    ended: null,
    running: 4,
    completed: 1,
    latest: path(RUN_B, 1),
    retained: present(true),
  });
  const lineage = pointers([point(RUN_B, 1), point(RUN_A, 12), point(RUN_A, 11)]);
  const seen = (more: Partial<Evidence> = {}, change: Partial<RunView> = {}) =>
    evidence({
      assessment: assessment({ runs: present([{ ...blank, ...change }, run()]) }),
      pointers: lineage,
      ...more,
    });
  const consent = [stopConsent(RUN_B, TOP)];

  test('is asked about with the points of the runs before it, after they were looked for', () => {
    expect(decide(seen({ pointers: null }))).toMatchObject({ do: 'fetchPointer' });
    expect(decide(seen())).toMatchObject({
      do: 'ask',
      plan: { about: 'blank run', approves: null, choices: [TOP, OLDER], stops: RUN_B },
    });
  });

  test('is stopped when a person has chosen a point of that question, and the point is proved first', () => {
    const chosen = { chosen: point(RUN_A, 12), approved: consent };
    expect(decide(seen({ ...chosen, verdicts: {} }))).toMatchObject({
      do: 'readState',
      point: { path: TOP },
    });
    expect(decide(seen({ ...chosen, offsets: {} }))).toMatchObject({ do: 'checkOffsets' });
    expect(decide(seen({ ...chosen, verdicts: { [TOP]: broken } }))).toMatchObject({
      do: 'ask',
      plan: { about: 'no sound point' },
    });
    const gone = present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '5' }] as never });
    expect(decide(seen({ ...chosen, offsets: { [TOP]: gone } }))).toMatchObject({
      do: 'ask',
      plan: { about: 'offset gap' },
    });
    expect(decide(seen(chosen))).toMatchObject({ do: 'stop', run: RUN_B, approved: true });
  });

  test('is not stopped on consent that was about another run or another point', () => {
    expect(decide(seen({ chosen: point(RUN_A, 11), approved: consent }))).toMatchObject({ do: 'ask' });
    const other = stopConsent(RUN_A, TOP);
    expect(decide(seen({ chosen: point(RUN_A, 12), approved: [other] }))).toMatchObject({ do: 'ask' });
  });

  test('is asked about once more when the point was named before anybody knew of the run', () => {
    const e = seen({ chosen: point(RUN_A, 12) });
    const next = decide(e);
    expect(next).toMatchObject({
      do: 'ask',
      plan: { approves: `cancel run ${RUN_B}, then restore ${TOP}` },
    });
    if (next.do !== 'ask') throw new Error(next.do);
    expect(decide({ ...e, approved: [next.plan.digest] })).toMatchObject({ do: 'stop' });
  });

  test('whose checkpoints a cancel would delete gets a savepoint first', () => {
    const e = seen({ chosen: point(RUN_A, 12) }, { retained: present(false) });
    expect(decide(e)).toMatchObject({
      plan: { approves: expect.stringContaining('take a savepoint') as string },
    });
  });

  test('is left alone by the policy report, and by a Holdfast that only observes', () => {
    expect(decide(seen({ policy: { ...STRICT, onBlankRun: 'report' } }))).toMatchObject({ do: 'leave' });
    expect(decide(seen({ policy: { ...STRICT, attempts: 0 } }))).toMatchObject({
      do: 'ask',
      plan: { approves: null, choices: [] },
    });
  });

  test('then stopped leaves the chosen point to be restored', () => {
    const a = assessment({
      runs: present([{ ...blank, state: 'CANCELED', running: 0 }, run()]),
      stopped: [RUN_B],
    });
    const e = seen({ assessment: a, chosen: point(RUN_A, 12), approved: consent });
    expect(decide(e)).toMatchObject({ do: 'restore', point: { path: TOP } });
  });
});
