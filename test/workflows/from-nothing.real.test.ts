/** A person's word to start from nothing, as the workflow on a real Temporal server takes it. */
import { cancelled } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { CaseEnd } from '../../domain/case.js';
import { failure, fault } from '../../domain/failure.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, inRange, pointers, run, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;

const acts: string[] = [];
const world = { storageIsBack: false };
const policy: Policy = {
  ...STRICT,
  attempts: 1,
  backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
  soak: 60_000,
};
const JOB = 'window-counts';
/** A step of the other job that ends when the test says so. */
const reading = (() => {
  let begun: () => void = () => undefined;
  let release: () => void = () => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const go = new Promise<void>((resolve) => (release = resolve));
  return { begun, isBegun, go, release };
})();
const START = ['events/0=12', 'events/1=7'];

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy,
    configDigest: '0'.repeat(64),
    searchAttributes: [],
  }),
  assessRun: async () => assessment({ runs: present([run()]) }),
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  readState: async ({ job, point }) => {
    if (job === JOB)
      return { is: 'broken', reasons: [fault('StateMissing', 'a shared file is gone', point.path)] };
    reading.begun();
    await reading.go;
    return sound;
  },
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async () => {
    throw failure('Unclassified', 'nothing is to be restored here');
  },
  setStart: async ({ kafkaFrom, gaveUp }) => {
    acts.push(`set ${kafkaFrom}, gives up ${gaveUp.length}`);
    const groupOffsets = { group: 'g', committed: 2, before: ['events/0=90'], left: null, fault: null };
    return { start: START, groupOffsets };
  },
  startJob: async ({ from, start }) => {
    acts.push(`start at ${start.join()} by ${from.by}`);
    return { is: 'accepted', at: 5_000, state: null };
  },
  confirmRestored: async (input) => {
    acts.push(`confirm ${input.start?.join() ?? input.point}`);
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['it restored nothing'] };
  },
  awaitReturn: () => cancelled(),
  watchRun: () => cancelled(),
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

const phaseIs = (phase: string, job = JOB) =>
  until(
    `the case is ${phase}`,
    async () => ((await client.status(job)).phase === phase ? client.status(job) : undefined),
    { within: 20_000, every: 30 },
  );

test('resumes an aborted case, starts once, and counts for no later failure', async () => {
  const by = { by: 'ada', reason: 'the state is lost' };
  await client.recover(JOB, by);
  await phaseIs('aborted');
  world.storageIsBack = true;
  await client.recover(JOB, { ...by, fromNothing: { kafkaFrom: START.join() } });
  const resumed = await phaseIs('resumed');
  expect(acts).toEqual([
    `set ${START.join()}, gives up 2`,
    `start at ${START.join()} by ada`,
    `confirm ${START.join()}`,
  ]);
  expect(resumed.restored).toMatchObject({
    point: 'nothing',
    fromNothing: { ...by, kafkaFrom: START.join(), gaveUp: [{ verdict: 'broken' }, { verdict: 'broken' }] },
  });
  expect(resumed.groupOffsets).toMatchObject({ group: 'g', before: ['events/0=90'] });
  await expect(client.recover(JOB, { ...by, fromNothing: { kafkaFrom: 'latest' } })).rejects.toMatchObject({
    code: 'Refused',
  });

  // The run fails during the soak: the word was for one start.
  await client.recover(JOB, by);
  const asking = await phaseIs('asking');
  expect(asking.question).toMatchObject({ about: 'no sound point', approves: null });
  expect(acts).toHaveLength(3);
  await client.closeCase(JOB, by);
  const end = (await raw.workflow.getHandle(`recover/counts/${JOB}`).result()) as CaseEnd;
  expect(end.outcome).toBe('closed');
});

test('said while the newest point is read, nothing is restored any more', async () => {
  world.storageIsBack = true;
  const by = { by: 'ada', reason: 'count it all again' };
  await client.recover('totals', by);
  await reading.isBegun;
  await client.recover('totals', { ...by, fromNothing: { kafkaFrom: 'earliest' } });
  reading.release();
  const asking = await phaseIs('asking', 'totals');
  expect(asking.question).toMatchObject({ about: 'from nothing' });
  expect(asking.failures, 'a submission would have failed').toEqual([]);
});
