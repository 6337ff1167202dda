/** Every door of design 4.7: each verb on the command line against a real Temporal server, and questions that expire. */
import { beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../../domain/failure.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present, type Reading } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { JOB, said, type Steps } from '../support/cases.js';
import { assessment, inRange, path, pointers, run, RUN_A } from '../support/evidence.js';
import { opened, scripted, smooth } from '../support/scripted.js';

interface World {
  policy: Policy;
  storageIsBack: boolean;
  offsets: Reading<OffsetCheck>;
  looks: number;
  submissions: string[];
}
let world: World;
const gap = present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] });
const slow: Policy = {
  ...STRICT,
  backoff: { initial: 600_000, factor: 1, max: 600_000, jitter: 0 },
  soak: 1,
};

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, world.policy),
  assessRun: async () => {
    world.looks++;
    return assessment({ runs: present([run()]) });
  },
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  checkOffsets: async () => world.offsets,
  restoreJob: async (input) => {
    world.submissions.push(input.point.path);
    return { is: 'accepted', at: 5_000, state: null };
  },
};

const on = scripted(steps);
const { endOf, holdfast, phaseIs } = on;
beforeEach(() => {
  world = { policy: slow, storageIsBack: true, offsets: present(inRange), looks: 0, submissions: [] };
});

const say = (verb: string, ...more: readonly string[]) =>
  holdfast(verb, JOB, ...more, '--reason', 'a test', '--by', 'ada');

describe('every verb has its door on the command line', () => {
  test('retry, hold, release, abort, resume and close', async () => {
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    await phaseIs('waiting');
    expect((await say('close')).code).toBe(1);
    expect((await say('hold')).code).toBe(0);
    expect((await phaseIs('held')).hold).toMatchObject({ by: 'ada', reason: 'a test' });
    expect((await say('release')).code).toBe(0);
    await phaseIs('waiting');
    expect((await say('retry')).code).toBe(0);
    await until(
      'the second attempt failed',
      async () => (await on.client.status(JOB)).failures.length === 2,
      {
        within: 60_000,
      },
    );
    expect((await say('abort')).code).toBe(0);
    const aborted = await phaseIs('aborted');
    expect(aborted.because).toMatchObject({ code: 'Aborted', message: 'ada: a test' });
    expect(aborted.next).toEqual([`holdfast resume ${JOB} --reason …`, `holdfast close ${JOB} --reason …`]);
    expect((await say('retry')).code).toBe(1);
    expect((await say('resume')).code).toBe(0);
    await phaseIs('waiting');
    await say('abort');
    await phaseIs('aborted');
    expect((await say('close')).code).toBe(0);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('approve: shows the cost, refuses another question, and restores', async () => {
    world.offsets = gap;
    await on.client.recover(JOB, said);
    const { question } = await phaseIs('asking');
    const unasked = await say('approve');
    expect(unasked.code).toBe(64);
    expect(unasked.err).toContain('Replay: 440 records from Kafka; 7 records are gone');
    expect((await say('approve', '--question', '1-old')).code).toBe(1);
    expect((await say('approve', '--question', question?.id ?? '')).code).toBe(0);
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
  });

  test('reject: aborts and submits nothing', async () => {
    world.offsets = gap;
    await on.client.recover(JOB, said);
    await phaseIs('asking');
    expect((await say('reject', '--yes')).code).toBe(0);
    expect((await phaseIs('aborted')).because?.code).toBe('Rejected');
    await say('close');
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
    expect(world.submissions).toEqual([]);
  });

  test('choose: takes another point, also while the case only waits', async () => {
    world.storageIsBack = false;
    await on.client.recover(JOB, said);
    await phaseIs('waiting');
    world.storageIsBack = true;
    const other = path(RUN_A, 3);
    expect((await holdfast('choose', JOB, other, '--reason', 'I know it', '--by', 'ada')).code).toBe(0);
    expect(await endOf()).toMatchObject({ outcome: 'resumed', restored: { point: other } });
    expect(world.submissions).toEqual([other]);
  });
});

describe('a question', () => {
  test('that expires is asked again after a fresh look, and costs no attempt', async () => {
    world.offsets = gap;
    world.policy = { ...slow, approvalExpires: 1_000 };
    await on.client.recover(JOB, said);
    const { question: first } = await phaseIs('asking');
    const again = await until(
      'it is asked again',
      async () => {
        const status = await on.client.status(JOB);
        return status.question !== null && status.question.askedAt > (first?.askedAt ?? 0)
          ? status
          : undefined;
      },
      { every: 30 },
    );
    expect(world.looks).toBeGreaterThanOrEqual(2);
    expect(again.failures).toEqual([]);
    expect(again.attempt).toBe(1);
    await on.client.abort(JOB, said);
    await phaseIs('aborted');
    await on.client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('of policy approval: always comes before every restore, with its cost', async () => {
    world.policy = { ...slow, approval: 'always', approvalExpires: 600_000 };
    await on.client.recover(JOB, said);
    const { question, because } = await phaseIs('asking');
    expect(because).toMatchObject({ code: 'ApprovalNeeded' });
    expect(question).toMatchObject({ about: 'approval', approves: `restore ${path(RUN_A, 12)}` });
    expect(question?.facts).toHaveLength(4);
    expect(world.submissions).toEqual([]);
    const { looks } = world;
    await on.client.approve(JOB, { ...said, question: question?.id ?? '' });
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
    // After consent the attempt looks again: the world may have moved.
    expect(world.looks).toBe(looks + 1);
  });
});
