/** The workflow on a real Temporal server, over steps that say what the test wants. */
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { failure } from '../../domain/failure.js';
import type { Policy } from '../../domain/policy.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import { present, type Reading } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { root } from '../../stack/root.js';
import { recoverJob } from '../../workflows/index.js';
import { said, type Steps } from '../support/cases.js';
import { assessment, inRange, path, pointers, run, RUN_A } from '../support/evidence.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

/** What the steps answer; each test begins with the incident that is recovered without trouble. */
interface World {
  policy: Policy;
  storageIsBack: boolean;
  state: string;
  submissions: string[];
  alerts: unknown[];
  offsets: Reading<OffsetCheck>;
}
let world: World;

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, world.policy),
  assessRun: async () => assessment({ runs: present([run({ state: world.state })]) }),
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  checkOffsets: async () => world.offsets,
  restoreJob: async (input) => {
    world.submissions.push(input.run);
    return { is: 'accepted', at: 5_000, state: null };
  },
  handOver: async (alert) => {
    world.alerts.push(alert);
    await on.client.raiseAlert(alert);
  },
};

const on = scripted(steps);
const { endOf, phaseIs } = on;
beforeEach(() => {
  world = {
    policy: quick,
    storageIsBack: true,
    state: 'FAILED',
    submissions: [],
    alerts: [],
    offsets: present(inRange),
  };
});

const ask = (job: string) => on.client.recover(job, said);
const history = (job: string) => on.raw.workflow.getHandle(`recover/counts/${job}`).fetchHistory();

describe('a recovery', () => {
  test('without trouble takes one submission and at most 60 events and 64 KiB', async () => {
    await ask('window-counts');
    expect(await endOf()).toMatchObject({
      outcome: 'resumed',
      attempts: 1,
      restored: { point: path(RUN_A, 12) },
    });
    expect(world.submissions).toHaveLength(1);
    const whole = await history('window-counts');
    expect(whole.events?.length).toBeLessThanOrEqual(60);
    expect(historyToJSON(whole).length).toBeLessThan(64 * 1024);
  });

  test('replays from its JSON history, whole and cut off at any workflow task', async () => {
    await ask('totals');
    await endOf('totals');
    const json = historyFromJSON(JSON.parse(historyToJSON(await history('totals'))));
    const workflowBundle = await bundleWorkflowCode({
      workflowsPath: join(root, 'workflows', 'index.ts'),
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    });
    await Worker.runReplayHistory({ workflowBundle }, json, 'recover/counts/totals');
    const ends = (json.events ?? []).flatMap((e, i) =>
      e.workflowTaskCompletedEventAttributes ? [i + 1] : [],
    );
    expect(ends.length).toBeGreaterThan(8);
    for (const end of ends.slice(0, -1)) {
      await Worker.runReplayHistory(
        { workflowBundle },
        { events: (json.events ?? []).slice(0, end) },
        'recover/counts/totals',
      );
    }
  });

  test('aborts after exactly N, stays open, joins alerts, and goes on with resume', async () => {
    world.storageIsBack = false;
    await ask('window-counts');
    const aborted = await phaseIs('aborted');
    expect(aborted.failures.map((f) => f.fault.code)).toEqual(['StorageUnavailable', 'StorageUnavailable']);
    expect(aborted.because?.code).toBe('AttemptsExhausted');
    await ask('window-counts');
    await until(
      'the second request joined',
      async () => (await on.client.status('window-counts')).alertsHeard >= 2,
    );
    expect(world.submissions).toEqual([]);
    world.storageIsBack = true;
    await on.client.resume('window-counts', said);
    expect(await endOf()).toMatchObject({ outcome: 'resumed', attempts: 3 });
    expect(world.submissions).toHaveLength(1);
  });

  test('a job that a person cancelled is recorded and never submitted', async () => {
    world.state = 'CANCELED';
    await ask('window-counts');
    expect(await endOf()).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(world.submissions).toEqual([]);
  });

  test('cancelling the workflow aborts the case and keeps it open', async () => {
    world.storageIsBack = false;
    world.policy = { ...quick, attempts: null, backoff: { ...quick.backoff, initial: 60_000, max: 60_000 } };
    await ask('window-counts');
    await phaseIs('waiting');
    await on.raw.workflow.getHandle('recover/counts/window-counts').cancel();
    expect((await phaseIs('aborted')).because).toMatchObject({ code: 'Aborted' });
    await on.client.closeCase('window-counts', said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('a hold stops between steps until it is released', async () => {
    world.storageIsBack = false;
    world.policy = { ...quick, attempts: null };
    await ask('window-counts');
    await until(
      'an attempt failed',
      async () => (await on.client.status('window-counts')).failures.length > 0,
    );
    await on.client.hold('window-counts', said);
    const held = await phaseIs('held');
    world.storageIsBack = true;
    await expect(on.client.hold('window-counts', said)).rejects.toThrow(/held already/);
    expect((await on.client.status('window-counts')).failures).toHaveLength(held.failures.length);
    await on.client.release('window-counts', said);
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
  });

  test('asks when Kafka has lost records, refuses a stale approval, and restores after consent', async () => {
    world.offsets = present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] });
    await ask('window-counts');
    const { question } = await phaseIs('asking');
    expect(question).toMatchObject({ about: 'offset gap' });
    const stale = on.client.approve('window-counts', { ...said, question: '1-old' });
    await expect(stale).rejects.toThrow(/the plan has changed/);
    expect(world.submissions).toEqual([]);
    await on.client.approve('window-counts', { ...said, question: question?.id ?? '' });
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
  });

  test('started by hand under another id it hands over to the one case of the job', async () => {
    const handle = await on.raw.workflow.start(recoverJob, {
      workflowId: 'by-hand',
      taskQueue: 'holdfast',
      args: [{ job: 'window-counts' }],
    });
    expect(await handle.result()).toMatchObject({
      outcome: 'handed over',
      link: 'recover/counts/window-counts',
    });
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
  });
});
