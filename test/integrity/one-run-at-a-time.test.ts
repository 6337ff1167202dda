/** Promise 5. No submission before the old run is proved dead; a repeated or unanswered submission makes no second run. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { submissionRunId } from '../../domain/attempts.js';
import { failure } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { emptyLedger } from '../../domain/ledger.js';
import { present } from '../../domain/reading.js';
import { stillSince } from '../../domain/witness.js';
import { attempt } from '../support/attempt.js';
import { chk, depsOf, fakeRun, fillLog, incident, WRITER, type World } from '../support/fake-ports.js';

const NEW = runId('b'.repeat(32));
const open = { run: NEW, point: chk(8) };
let world: World;
beforeEach(async () => {
  world = incident();
  await fillLog(world);
});

describe('one run at a time', () => {
  test('a submission that was taken although its answer was lost is found, not repeated', async () => {
    world.onSubmit = ({ run }) => {
      world.runs.push(fakeRun({ run, state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } }));
      throw failure('SubmitInDoubt', 'the answer was cut');
    };
    expect(await attempt(depsOf(world), { run: NEW })).toMatchObject({
      do: 'fail',
      fault: { code: 'SubmitInDoubt' },
    });
    expect(await attempt(depsOf(world), { run: NEW, open })).toMatchObject({ do: 'confirm', run: NEW });
    expect(world.submissions).toHaveLength(1);
  });

  test('a submission that was lost is repeated under the same id, which Flink takes only once', async () => {
    world.onSubmit = () => {
      throw failure('SubmitInDoubt', 'no answer');
    };
    await attempt(depsOf(world), { run: NEW });
    world.onSubmit = () => 'accepted';
    await attempt(depsOf(world), { run: NEW, open });
    expect(world.submissions.map((s) => s.run)).toEqual([NEW, NEW]);
  });

  test.each([
    'RUNNING',
    'RESTARTING',
    'CANCELLING',
    'FAILING',
    'CREATED',
    'INITIALIZING',
    'SUSPENDED',
    'RECONCILING',
  ] as const)('nothing is submitted beside a run that is %s', async (state) => {
    world.runs.push(fakeRun({ run: runId('c'.repeat(32)), startTime: 9_000, state, endTime: null }));
    const end = await attempt(depsOf(world), { run: NEW });
    expect(end.do).not.toBe('restored');
    expect(world.submissions).toEqual([]);
  });

  describe('a run that Flink has forgotten', () => {
    const assess = () =>
      assessRun(depsOf(world), { job: 'window-counts', submitted: [] }, new AbortController().signal);
    beforeEach(() => {
      world.runs = [];
      const last = { run: WRITER, started: 1, restoredFrom: { is: 'nothing' }, state: 'RESTARTING' } as const;
      world.ledger = present({ ...emptyLedger(0), runs: [{ ...last, seen: world.now }] });
    });

    test('is not restored beside before its tasks have had their time', async () => {
      const still = stillSince(null, await assess());
      world.now += 109_000;
      expect(await attempt(depsOf(world), { run: NEW, still })).toMatchObject({
        do: 'await',
        because: { code: 'NotProvedDead' },
      });
      expect(world.submissions).toEqual([]);
    });

    test('is not restored beside while what it leaves behind moves, however long ago anybody saw it', async () => {
      const still = stillSince(null, await assess());
      world.now += 86_400_000;
      world.files.set(`${chk(9)}/_metadata`, new Uint8Array(1));
      expect(await attempt(depsOf(world), { run: NEW, still })).toMatchObject({
        do: 'fail',
        fault: { code: 'NotProvedDead' },
      });
      expect(world.submissions).toEqual([]);
    });

    test('is restored when the time is over and nothing has moved', async () => {
      const still = stillSince(null, await assess());
      world.now += 110_000;
      expect(await attempt(depsOf(world), { run: NEW, still })).toMatchObject({ do: 'restored' });
    });
  });

  test('run ids are known before the call: the same submission has the same id on every machine', () => {
    expect(submissionRunId('1b4e28ba-2fa1-11d2-883f-0016d3cca427', 1)).toBe(
      submissionRunId('1b4e28ba-2fa1-11d2-883f-0016d3cca427', 1),
    );
    expect(new Set([1, 2, 3, 4].map((n) => submissionRunId('origin', n))).size).toBe(4);
  });
});
