/** A hold that stands when no case is open, on a real Temporal server. */
import { cancellationSignal, cancelled, heartbeat } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { awaitRelease } from '../../activities/await-release.js';
import type { Deps } from '../../activities/index.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { JOB, type Steps } from '../support/cases.js';
import { assessment, run } from '../support/evidence.js';
import { opened, scripted } from '../support/scripted.js';
import { configForTests } from '../support/temporal.js';

let looks = 0;
/** How often a case began to wait for the end of its hold. */
let waits = 0;
/** What Flink shows of the job: of a job that a person cancelled the case ends with its first look. */
let state = 'CANCELED';

const deps = () =>
  ({
    config: configForTests('127.0.0.1:1'),
    ports: {
      clock: { now: Date.now, sleep: (_ms: number, signal: AbortSignal) => sleep(50, undefined, { signal }) },
    },
    standingHold: (cluster: string, job: string) => on.client.standingHold(cluster, job),
  }) as unknown as Deps;

const steps: Steps = {
  openCase: async ({ job }) => opened(job, STRICT, { hold: await on.client.standingHold('counts', job) }),
  assessRun: async () => {
    looks++;
    const hold = await on.client.standingHold('counts', JOB);
    return assessment({ runs: present([run({ state })]), hold });
  },
  awaitRelease: (input) => {
    waits++;
    return awaitRelease(deps(), input, cancellationSignal(), heartbeat);
  },
  watchRun: () => cancelled(),
};

const said = { by: 'ada', reason: 'we deploy' };
const on = scripted(steps, {
  beforeWork: async () => {
    // Without any worker a hold can be placed, and is found.
    await on.client.placeHold(JOB, { ...said, forMs: 3_600_000 });
    expect(await on.client.standingHold('counts', JOB)).toMatchObject({ ...said, job: JOB });
    expect(await on.client.standingHold('counts', 'totals')).toBeNull();
  },
});
const { endOf, holdfast } = on;
const held = (job?: string) => on.phaseIs('held', job);

beforeEach(() => {
  looks = 0;
  waits = 0;
  state = 'CANCELED';
});
afterEach(async () => {
  for (const target of [JOB, 'totals', 'counts']) await on.client.endHold(target, said);
});

describe('a standing hold', () => {
  test('makes a case wait that an alert opens, and says who, why and until when', async () => {
    await on.client.recover(JOB, said);
    const status = await held();
    expect(status.hold).toMatchObject({ by: 'ada', reason: 'we deploy', standing: true });
    expect(status.hold?.until).toBeGreaterThan(Date.now() + 3_000_000);
    expect(status.next).toEqual([`holdfast release ${JOB} --reason …`]);
    expect(looks).toBe(0);
    // Ending the hold is enough: nobody has to know which cases wait for it.
    expect(await on.client.endHold(JOB, said)).toBe('ended');
    expect(await endOf()).toMatchObject({ outcome: 'ended by a person' });
    expect(looks).toBe(1);
  });

  test('ends at its time by itself', async () => {
    await on.client.placeHold(JOB, { ...said, forMs: 3_000 });
    await on.client.recover(JOB, said);
    expect(await endOf()).toMatchObject({ outcome: 'ended by a person' });
    expect(waits).toBe(1);
    await until('no hold stands', async () => (await on.client.standingHold('counts', JOB)) === null);
  });

  test('of a cluster holds each of its jobs, and one job can be released alone', async () => {
    const placed = await holdfast(
      'hold',
      'counts',
      '--for',
      '2h',
      '--reason',
      'we deploy',
      '--by',
      'ada',
      '--json',
    );
    expect(placed.code).toBe(0);
    expect(JSON.parse(placed.out)).toMatchObject({
      target: 'counts',
      hold: { job: null, by: 'ada' },
      told: [],
    });
    await Promise.all([on.client.recover(JOB, said), on.client.recover('totals', said)]);
    await Promise.all([held(), held('totals')]);
    const overview = await holdfast('status');
    expect(overview.out).toContain('held by ada until');
    expect((await holdfast('release', JOB, '--reason', 'this one is done')).code).toBe(0);
    expect(await endOf()).toMatchObject({ outcome: 'ended by a person' });
    expect((await on.client.status('totals')).phase).toBe('held');
    expect((await holdfast('release', 'counts', '--reason', 'done')).out).toContain('standing hold ended');
    expect(await endOf('totals')).toMatchObject({ outcome: 'ended by a person' });
  });

  test('that is placed again is replaced, and an aborted wait does not begin', async () => {
    await on.client.placeHold(JOB, { ...said, forMs: 3_600_000 });
    await on.client.placeHold(JOB, { by: 'bob', reason: 'longer', forMs: 7_200_000 });
    expect(await on.client.standingHold('counts', JOB)).toMatchObject({ by: 'bob' });
    await on.client.recover(JOB, said);
    await held();
    await on.client.abort(JOB, said);
    await on.phaseIs('aborted');
    expect(looks).toBe(0);
    await on.client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('is refused where no case would find it, and needs a time for a cluster', async () => {
    const wrong = await on.raw.workflow.start('standingHold', {
      workflowId: 'my-hold',
      taskQueue: 'holdfast',
      args: [{ cluster: 'counts', job: JOB, ...said }],
    });
    const refused: unknown = await wrong.result().catch((error: unknown) => (error as Error).cause);
    expect((refused as Error).message).toContain('hold/counts/window-counts');
    const byHand = await on.raw.workflow.start('standingHold', {
      workflowId: `hold/counts/${JOB}`,
      taskQueue: 'holdfast',
      args: [{ cluster: 'counts', job: JOB, ...said, forMinutes: 5 }],
    });
    await until('it is found', async () => (await on.client.standingHold('counts', JOB)) !== null);
    await on.client.endHold(JOB, said);
    expect(await byHand.result()).toContain('released by ada');
    expect(await holdfast('hold', 'counts', '--reason', 'x')).toMatchObject({ code: 64 });
    expect(await holdfast('hold', JOB, '--for', 'soon', '--reason', 'x')).toMatchObject({ code: 64 });
    const nothing = await holdfast('release', JOB, '--reason', 'x');
    expect(nothing).toMatchObject({ code: 3 });
    const early = await holdfast('hold', 'totals', '--reason', 'x');
    expect(early).toMatchObject({ code: 3 });
    expect(early.err).toContain('holdfast hold totals --for 2h');
  });
});

test('an open case finds the hold with its next look, even if nobody could tell it', async () => {
  state = 'RESTARTING';
  await on.client.recover(JOB, said);
  await on.phaseIs('watching');
  // As a client does that dies before it has told the case.
  await on.raw.workflow.start('standingHold', {
    workflowId: `hold/counts/${JOB}`,
    taskQueue: 'holdfast',
    args: [{ cluster: 'counts', job: JOB, ...said, forMinutes: 5 }],
  });
  await until('it is found', async () => (await on.client.standingHold('counts', JOB)) !== null);
  state = 'CANCELED';
  await on.client.retryNow(JOB, said);
  expect((await held()).hold).toMatchObject({ by: 'ada', standing: true });
  // Released alone it goes on although the hold still stands.
  await on.client.release(JOB, said);
  expect(await endOf()).toMatchObject({ outcome: 'ended by a person' });
  expect(await on.client.standingHold('counts', JOB)).not.toBeNull();
});
