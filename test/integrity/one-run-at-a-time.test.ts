/** Promise 5. No submission before the old run is proved dead; a repeated or unanswered submission makes no second run. */
import { beforeEach, describe, expect, test } from 'vitest';
import { submissionRunId } from '../../domain/attempts.js';
import { failure } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { attempt } from '../support/attempt.js';
import { chk, depsOf, fakeRun, fillLog, incident, type World } from '../support/fake-ports.js';

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

  test('run ids are known before the call: the same submission has the same id on every machine', () => {
    expect(submissionRunId('1b4e28ba-2fa1-11d2-883f-0016d3cca427', 1)).toBe(
      submissionRunId('1b4e28ba-2fa1-11d2-883f-0016d3cca427', 1),
    );
    expect(new Set([1, 2, 3, 4].map((n) => submissionRunId('origin', n))).size).toBe(4);
  });
});
