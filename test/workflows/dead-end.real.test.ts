import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import { fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { present, unknown } from '../../domain/reading.js';
import type { RepairCheck, RepairOutcome } from '../../domain/repair.js';
import type { Assessment } from '../../domain/situation.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, run, RUN_A } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

const PATH = `hdfs://nn:8020/flink/ha/job-result-store/default/${RUN_A}_DIRTY.json`;
const away = unknown(fault('FlinkUnavailable', 'connection refused'));
const stuck = assessment({
  runs: away,
  leader: away,
  settings: away,
  ha: present([{ run: RUN_A, graph: true, checkpoints: 3, belongs: 'ours' }]),
  dirty: present([{ run: RUN_A, path: PATH, length: 0 }]),
});
const running = () =>
  assessment({
    runs: present([
      run({ state: 'RUNNING', running: 4, newest: { id: '13', triggered: Date.now() + 60_000 } }),
    ]),
  });
const ready: RepairCheck = { is: 'ready', modified: 1_000, proofs: ['the storage is usable'] };

/** What the fake steps find. */
let now: Assessment;
let check: RepairCheck;
let outcome: RepairOutcome;
let storageBack: () => void;
let mended: () => void;
let requested: number;

const activities = {
  openCase: async ({ job }: { job: string }) => ({
    job,
    cluster: 'counts',
    workflowId: `recover/counts/${job}`,
    policy: { ...STRICT, backoff: { initial: 50, factor: 1, max: 50, jitter: 0 } },
    configDigest: '0'.repeat(64),
    searchAttributes: [],
  }),
  assessRun: async () => now,
  examineDeadEnd: async () => check,
  awaitReturn: () =>
    Promise.race([
      cancelled(),
      new Promise((resolve) => {
        storageBack = () => resolve({ is: 'returned', at: 1 });
      }),
    ]),
  // Watches until the job is healthy by somebody's hand; else only what people say ends it.
  watchRun: () =>
    Promise.race([
      cancelled(),
      new Promise((resolve) => {
        mended = () => resolve('it runs and completes checkpoints');
      }),
    ]),
  requestRepair: async () => {
    requested++;
    if (outcome.is === 'repaired') now = running();
    return outcome;
  },
};

let temporal: TestTemporal;
let client: HoldfastClient;
let workers: RunningWorkers;
const JOB = 'window-counts';
const said = { by: 'ada', reason: 'a test' };

beforeAll(async () => {
  temporal = await temporalForTests();
  client = holdfastClient({ client: clientOf(temporal.config), config: temporal.config });
  workers = await createWorkers({
    config: temporal.config,
    log: createLog(scrubber([]), { level: 'silent' }),
    activities,
  });
});
afterAll(async () => {
  workers?.shutdown();
  await workers?.done;
  await client?.close();
  await temporal?.close();
});
beforeEach(async () => {
  now = stuck;
  check = ready;
  requested = 0;
  storageBack = () => undefined;
  mended = () => undefined;
  const deadEnd = { is: 'EmptyJobResult', run: RUN_A, path: PATH } as const;
  const was = { length: 0, modified: 1_000 };
  outcome = {
    is: 'repaired',
    repair: { deadEnd, at: 2_000, from: PATH, to: `${PATH}.empty`, was, proofs: [] },
  };
});
afterEach(async () => {
  const { summary } = await client.caseOf(JOB);
  if (summary.state !== 'open') return;
  await client.abort(JOB, said).catch(() => undefined);
  await phaseIs('aborted');
  await client.closeCase(JOB, said);
  await until('the case is over', async () => (await client.caseOf(JOB)).summary.state !== 'open');
});

const open = () => client.recover(JOB, { ...said, requestId: randomUUID() });
const phaseIs = (phase: string) =>
  until(`the case is ${phase}`, async () => {
    const status = await client.status(JOB);
    return status.phase === phase ? status : undefined;
  });
const ended = () => until('the case is over', async () => (await client.caseOf(JOB)).end ?? undefined);

describe('a case in a dead end', () => {
  test('waits for the storage without an attempt, asks, repairs when approved, and ends healthy', async () => {
    check = { is: 'wait', for: 'storage', until: null, because: fault('StorageNotWritable', 'no DataNode') };
    await open();
    const waiting = await phaseIs('waiting');
    expect(waiting).toMatchObject({
      situation: { is: 'dead-end' },
      waiting: { for: 'storage' },
      because: { code: 'StorageNotWritable' },
      failures: [],
    });
    check = ready;
    storageBack();
    const { question } = await phaseIs('asking');
    expect(requested).toBe(0);
    await client.approve(JOB, { ...said, question: question?.id ?? '' });
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(requested).toBe(1);
    expect((await client.status(JOB)).repairs).toMatchObject([{ from: PATH, to: `${PATH}.empty` }]);
  });

  test('that is rejected repairs nothing and keeps everything', async () => {
    await open();
    const { question } = await phaseIs('asking');
    await client.reject(JOB, { ...said, question: question?.id ?? '' });
    await phaseIs('aborted');
    expect(requested).toBe(0);
  });

  test('withdraws its question when somebody has mended it by hand', async () => {
    await open();
    await phaseIs('asking');
    await until('it watches meanwhile', () => {
      now = running();
      mended();
      return client.caseOf(JOB).then(({ end }) => end !== null);
    });
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(requested).toBe(0);
  });

  test('counts a repair that failed as an attempt, and tries it again on the same approval', async () => {
    const done = outcome;
    outcome = { is: 'failed', fault: fault('StorageUnavailable', 'connection refused', PATH) };
    await open();
    const { question } = await phaseIs('asking');
    await client.approve(JOB, { ...said, question: question?.id ?? '' });
    await until('it failed', async () => (await client.status(JOB)).failures.length > 0);
    outcome = done;
    storageBack();
    expect(await ended()).toMatchObject({ outcome: 'healthy' });
    expect(requested).toBeGreaterThan(1);
  });

  test('is heard while it only watches: an abort does not wait for Flink', async () => {
    now = assessment({ runs: present([run({ state: 'RESTARTING' })]) });
    await open();
    await phaseIs('watching');
    await client.abort(JOB, said);
    await phaseIs('aborted');
  });
});
