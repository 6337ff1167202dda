/** People are told beside the course of a case, on a real Temporal server: nothing waits for it, nothing fails by it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { CaseEnd } from '../../domain/case.js';
import type { Notice } from '../../domain/notice.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, inRange, path, pointers, run, RUN_A, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

const policy: Policy = {
  ...STRICT,
  attempts: 1,
  backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
  soak: 1,
};

let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;
let told: Notice[];
let confirmed: boolean;
/** Holds back every notice until it is called. */
let deliver: () => void;
let delivered: Promise<void>;
let refuse: boolean;

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy,
    configDigest: '0'.repeat(64),
    searchAttributes: [],
    noticesFrom: 'warning',
  }),
  assessRun: async () => assessment({ runs: present([run({ state: 'FAILED' })]) }),
  fetchPointer: async () => pointers(),
  readState: async () => sound,
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async () => ({ is: 'accepted', at: 5_000, state: null }),
  confirmRestored: async () => {
    confirmed = true;
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] };
  },
  notify: async (notice) => {
    told.push(notice);
    await delivered;
    if (refuse) throw new Error('the receiver’s adapter has a bug');
    return [{ receiver: 'notices[0] (slack)', failed: null }];
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
  told = [];
  confirmed = false;
  refuse = false;
  delivered = new Promise((resolve) => (deliver = resolve));
});

const endOf = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).result() as Promise<CaseEnd>;
const statusOf = async (job: string) =>
  (await raw.workflow.getHandle(`recover/counts/${job}`).describe()).status.name;

test('a job is restored while no receiver answers, and the case ends when they have', async () => {
  await client.recover('window-counts', { by: 'ada', reason: 'a test' });
  await until('the job is restored', async () => confirmed);
  await until('both were told', async () => told.length === 2);
  expect(told.map((n) => n.kind)).toEqual(['CaseOpened', 'CaseResumed']);
  expect(told[1]).toMatchObject({ state: 'over', ends: [told[0]?.key] });
  expect(told[1]?.summary).toContain(path(RUN_A, 12));
  expect(await statusOf('window-counts')).toBe('RUNNING');
  deliver();
  expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed' });
});

test('a notice that cannot be sent at all fails no case', async () => {
  refuse = true;
  deliver();
  await client.recover('totals', { by: 'ada', reason: 'a test' });
  await until('the job is restored', async () => confirmed);
  const handle = raw.workflow.getHandle('recover/counts/totals');
  expect((await client.status('totals')).phase).toBe('resumed');
  await until('both were tried', async () => new Set(told.map((n) => n.kind)).size === 2);
  await handle.terminate('the retries of the step take minutes');
});
