/** The workflow on a real Temporal server, over steps that say what the test wants. */
import { cancelled } from '@temporalio/activity';
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import { failure } from '../../domain/failure.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import { present, type Reading } from '../../domain/reading.js';
import type { CaseEnd } from '../../domain/case.js';
import { until } from '../../stack/wait.js';
import { root } from '../../stack/root.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { recoverJob } from '../../workflows/index.js';
import { assessment, inRange, path, pointers, run, RUN_A, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;

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

const quick: Policy = {
  ...STRICT,
  attempts: 2,
  backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
  soak: 1,
};

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy: world.policy,
    configDigest: '0'.repeat(64),
    searchAttributes: [],
  }),
  assessRun: async () => assessment({ runs: present([run({ state: world.state })]) }),
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  readState: async () => sound,
  checkOffsets: async () => world.offsets,
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async (input) => {
    world.submissions.push(input.run);
    return { is: 'accepted', at: 5_000, state: null };
  },
  confirmRestored: async () => ({ is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] }),
  awaitReturn: () => cancelled(),
  watchRun: () => cancelled(),
  handOver: async (alert) => {
    world.alerts.push(alert);
    await client.raiseAlert(alert);
  },
};

beforeAll(async () => {
  temporal = await temporalForTests();
  raw = clientOf(temporal.config);
  client = holdfastClient({ client: raw, config: temporal.config });
  const log = createLog(scrubber([]), { level: 'silent' });
  workers = await createWorkers({ config: temporal.config, log, activities: steps });
});
afterAll(async () => {
  workers.shutdown();
  await workers.done;
  await client.close();
  await temporal.close();
});
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

const said = { by: 'ada', reason: 'a test' };
const ask = (job: string) => client.recover(job, said);
const endOf = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).result() as Promise<CaseEnd>;
const history = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).fetchHistory();
const phaseIs = (job: string, phase: string) =>
  until(
    `${job} is ${phase}`,
    async () => ((await client.status(job)).phase === phase ? client.status(job) : undefined),
    { within: 20_000, every: 30 },
  );

describe('a recovery', () => {
  test('without trouble takes one submission and at most 60 events and 64 KiB', async () => {
    await ask('window-counts');
    expect(await endOf('window-counts')).toMatchObject({
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
    const aborted = await phaseIs('window-counts', 'aborted');
    expect(aborted.failures.map((f) => f.fault.code)).toEqual(['StorageUnavailable', 'StorageUnavailable']);
    expect(aborted.because?.code).toBe('AttemptsExhausted');
    await ask('window-counts');
    await until(
      'the second request joined',
      async () => (await client.status('window-counts')).alertsHeard >= 2,
    );
    expect(world.submissions).toEqual([]);
    world.storageIsBack = true;
    await client.resume('window-counts', said);
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed', attempts: 3 });
    expect(world.submissions).toHaveLength(1);
  });

  test('a job that a person cancelled is recorded and never submitted', async () => {
    world.state = 'CANCELED';
    await ask('window-counts');
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(world.submissions).toEqual([]);
  });

  test('cancelling the workflow aborts the case and keeps it open', async () => {
    world.storageIsBack = false;
    world.policy = { ...quick, attempts: null, backoff: { ...quick.backoff, initial: 60_000, max: 60_000 } };
    await ask('window-counts');
    await phaseIs('window-counts', 'waiting');
    await raw.workflow.getHandle('recover/counts/window-counts').cancel();
    expect((await phaseIs('window-counts', 'aborted')).because).toMatchObject({ code: 'Aborted' });
    await client.closeCase('window-counts', said);
    await expect(endOf('window-counts')).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('a hold stops between steps until it is released', async () => {
    world.storageIsBack = false;
    world.policy = { ...quick, attempts: null };
    await ask('window-counts');
    await until('an attempt failed', async () => (await client.status('window-counts')).failures.length > 0);
    await client.hold('window-counts', said);
    const held = await phaseIs('window-counts', 'held');
    world.storageIsBack = true;
    await expect(client.hold('window-counts', said)).rejects.toThrow(/held already/);
    expect((await client.status('window-counts')).failures).toHaveLength(held.failures.length);
    await client.release('window-counts', said);
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed' });
  });

  test('asks when Kafka has lost records, refuses a stale approval, and restores after consent', async () => {
    world.offsets = present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] });
    await ask('window-counts');
    const { question } = await phaseIs('window-counts', 'asking');
    expect(question).toMatchObject({ about: 'offset gap' });
    const stale = client.approve('window-counts', { ...said, question: '1-old' });
    await expect(stale).rejects.toThrow(/the plan has changed/);
    expect(world.submissions).toEqual([]);
    await client.approve('window-counts', { ...said, question: question?.id ?? '' });
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed' });
  });

  test('started by hand under another id it hands over to the one case of the job', async () => {
    const handle = await raw.workflow.start(recoverJob, {
      workflowId: 'by-hand',
      taskQueue: 'holdfast',
      args: [{ job: 'window-counts' }],
    });
    expect(await handle.result()).toMatchObject({
      outcome: 'handed over',
      link: 'recover/counts/window-counts',
    });
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed' });
  });
});
