/** After the last attempt: what is asked, what is taken, and that nothing is tried without a person. */
import { cancelled } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { beforeEach, describe, expect, test } from 'vitest';
import { failure, fault } from '../../domain/failure.js';
import type { Policy } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { JOB, said, type Steps } from '../support/cases.js';
import { assessment, path, point, pointers, run, RUN_A, savepoint } from '../support/evidence.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

interface World {
  policy: Policy;
  storageIsBack: boolean;
  /** The first looks show this state, the later ones `FAILED`. */
  states: string[];
  looks: number;
  waits: number;
  watched: number;
  /** Flink refuses checkpoints: runs that restore one end at once. */
  refusesCheckpoints: boolean;
  submissions: string[];
}
let world: World;

const SAVED = savepoint(RUN_A, 'savepoint-aaaaaa-1');

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, world.policy),
  assessRun: async () => {
    world.looks++;
    return assessment({ runs: present([run({ state: world.states.shift() ?? 'FAILED' })]) });
  },
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers([point(RUN_A, 12), SAVED]);
  },
  restoreJob: async (input) => {
    world.submissions.push(input.point.path);
    return { is: 'accepted', at: 5_000, state: null };
  },
  confirmRestored: async (input) =>
    world.refusesCheckpoints && input.point.includes('/chk-')
      ? { is: 'dead', fault: fault('RestoreTimedOut', 'File does not exist', input.run), refused: true }
      : { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] },
  awaitReturn: async () => {
    world.waits++;
    if (!world.storageIsBack) return cancelled();
    return { is: 'returned', at: 1 };
  },
  // The first watch of an aborted case sees the job healthy; later ones see nothing.
  watchRun: async () => (++world.watched === 1 && world.states.length > 0 ? 'healthy' : cancelled()),
};

const on = scripted(steps);
const { endOf, phaseIs } = on;
beforeEach(() => {
  world = {
    policy: quick,
    storageIsBack: true,
    states: [],
    looks: 0,
    waits: 0,
    watched: 0,
    refusesCheckpoints: false,
    submissions: [],
  };
});

describe('after the last attempt', () => {
  test('asks instead of aborting, refuses to go on by itself, and goes on with N more', async () => {
    world.policy = { ...quick, onExhausted: 'ask' };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    const asked = await phaseIs('asking');
    expect(asked.question?.about).toBe('exhausted');
    expect(asked.question?.approves).toContain('grant 2 more');
    expect(asked).toMatchObject({ attempt: 2, attempts: 2 });
    expect(asked.failures).toHaveLength(2);
    // A look is allowed, an attempt is not.
    const { looks } = world;
    await on.client.retryNow(JOB, said);
    await until('it looked again', async () => world.looks > looks);
    const again = await phaseIs('asking');
    expect(again.failures).toHaveLength(2);
    world.storageIsBack = true;
    expect(world.submissions).toEqual([]);
    await on.client.approve(JOB, { ...said, question: again.question?.id ?? '' });
    expect(await endOf()).toMatchObject({ outcome: 'resumed', attempts: 3 });
  });

  test('rejecting the question aborts', async () => {
    world.policy = { ...quick, onExhausted: 'ask', attempts: 1 };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    const { question } = await phaseIs('asking');
    await on.client.reject(JOB, { ...said, question: question?.id ?? '' });
    expect((await phaseIs('aborted')).because?.code).toBe('Rejected');
    await on.client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('takes the savepoint in one pass when Flink refused the newer checkpoint', async () => {
    world.policy = { ...quick, onExhausted: 'savepoint' };
    world.refusesCheckpoints = true;
    await on.client.recover(JOB, said);
    expect(await endOf()).toMatchObject({ outcome: 'resumed', restored: { point: SAVED.path } });
    expect(world.submissions).toEqual([path(RUN_A, 12), path(RUN_A, 12), SAVED.path]);
  });

  test('takes no savepoint past a checkpoint that nobody refused, and no further attempt either', async () => {
    world.policy = { ...quick, onExhausted: 'savepoint', attempts: 1 };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    await until('it waits for the one pass', () => world.waits > 0);
    expect((await on.client.status(JOB)).failures).toHaveLength(1);
    world.storageIsBack = true;
    // A person need not wait for the probe: the one pass begins now.
    await on.client.retryNow(JOB, said);
    const aborted = await phaseIs('aborted');
    expect(aborted.because).toMatchObject({ code: 'AttemptsExhausted' });
    expect(aborted.because?.message).toContain('Flink has not refused it');
    expect(world.submissions).toEqual([]);
    await on.client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('makes no attempt N + 1 without a resume, although the job came up and failed again', async () => {
    world.policy = { ...quick, attempts: 1 };
    world.storageIsBack = false;
    // Attempt 1 fails; aborted; somebody starts it, it is seen restarting, and then it is FAILED again.
    world.states = ['FAILED', 'FAILED'];
    await on.client.recover(JOB, said);
    await until('it was aborted, woke and looked', async () => world.looks >= 2);
    world.storageIsBack = true;
    await until('it watches again', async () => world.watched >= 2);
    const aborted = await phaseIs('aborted');
    expect(aborted).toMatchObject({ attempt: 1, attempts: 1, because: { code: 'AttemptsExhausted' } });
    expect(world.submissions).toEqual([]);
    await on.client.resume(JOB, said);
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
    expect(world.submissions).toHaveLength(1);
  });

  test('a wait that the deadline cuts is followed by no attempt', async () => {
    world.policy = {
      ...quick,
      attempts: null,
      deadline: 1_500,
      backoff: { initial: 60_000, factor: 1, max: 60_000, jitter: 0 },
    };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    const aborted = await phaseIs('aborted');
    expect(aborted.because?.code).toBe('DeadlinePassed');
    expect(world.looks).toBe(1);
    await on.client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('a hold begins at once in the middle of a wait, and the deadline stands still', async () => {
    world.policy = {
      ...quick,
      attempts: null,
      deadline: 8_000,
      backoff: { initial: 6_000, factor: 1, max: 6_000, jitter: 0 },
    };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    await phaseIs('waiting');
    await on.client.hold(JOB, said);
    const held = await phaseIs('held');
    await until('the deadline has passed by the clock', async () => Date.now() > held.openedAt + 9_000);
    world.storageIsBack = true;
    await on.client.release(JOB, said);
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
  });
});

describe('an aborted case', () => {
  test('fails at once with afterAbort: fail, and its failure holds the ledger', async () => {
    world.policy = { ...quick, attempts: 1, afterAbort: 'fail' };
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    const failed = await endOf().catch((error: unknown) => (error as Error).cause as ApplicationFailure);
    if (!(failed instanceof ApplicationFailure)) throw new Error('expected the case to fail');
    expect(failed.type).toBe('RecoveryAborted');
    expect(failed.message).toContain('AttemptsExhausted: attempt 1 of 1 failed: connection refused');
    expect(failed.details?.[0]).toMatchObject({
      job: JOB,
      attempts: 1,
      because: { code: 'AttemptsExhausted' },
      closed: null,
      next: `holdfast recover ${JOB} --reason …`,
    });
    const view = await on.client.caseOf(JOB);
    expect(view.failure?.code).toBe('RecoveryAborted');
    expect(view.summary.state).toBe('failed');
  });
});

test('a job that somebody brings back while more attempts are asked for needs no answer', async () => {
  world.policy = { ...quick, attempts: 1, onExhausted: 'ask' };
  world.storageIsBack = false;
  // The watch beside the question sees it healthy; the look after it finds out that a person has ended it.
  world.states = ['FAILED', 'CANCELED'];
  await on.client.recover(JOB, said);
  expect(await endOf()).toMatchObject({ outcome: 'ended by a person' });
  expect(world.submissions).toEqual([]);
});
