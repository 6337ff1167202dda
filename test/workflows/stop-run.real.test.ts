/** A run that a person lets Holdfast stop, in the real workflow on a real server; the steps are fakes. */
import { cancelled } from '@temporalio/activity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import type { AssessInput } from '../../activities/assess-run.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import { failure, fault } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import type { RunView } from '../../domain/situation.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, inRange, path, point, pointers, run, RUN_A, RUN_B, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

const TOP = path(RUN_A, 12);
const OLDER = path(RUN_A, 11);
const said = { by: 'ada', reason: 'a test' };
let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;

/** What Flink shows, newest first. */
let runs: readonly RunView[];
/** What was done to the outside, in order. */
let acts: string[];
/** The first call of `stopRun` loses its answer. */
let answerLost: boolean;

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy: {
      ...STRICT,
      fallback: 'checkpoint',
      backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
      soak: 1,
    },
    configDigest: '0'.repeat(64),
    searchAttributes: [],
  }),
  assessRun: async ({ stopped }: AssessInput) => assessment({ runs: present(runs), stopped: stopped ?? [] }),
  fetchPointer: async () => pointers([point(RUN_B, 1), point(RUN_A, 12), point(RUN_A, 11)]),
  readState: async ({ point: { path: at } }) =>
    at === TOP && runs.length === 1
      ? { is: 'broken', reasons: [fault('StateMissing', 'a shared file is gone', at)] }
      : sound,
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  stopRun: async ({ run: id }) => {
    acts.push(`stop ${id}`);
    runs = runs.map((r) => (r.run === id ? { ...r, state: 'CANCELED', running: 0 } : r));
    if (answerLost) throw failure('FlinkUnavailable', 'the run was not seen to end');
    return { is: 'stopped', stop: { run: id, at: 1, savepoint: null, because: 'a test' } };
  },
  restoreJob: async (input) => {
    acts.push(`restore ${input.point.path}`);
    return { is: 'accepted', at: 5_000, state: null };
  },
  confirmRestored: async () => ({ is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] }),
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
  workers?.shutdown();
  await workers?.done;
  await client?.close();
  await temporal?.close();
});
beforeEach(() => {
  acts = [];
  answerLost = false;
  runs = [run({ state: 'RESTARTING', ended: null, sameFaults: 3, retained: present(true) })];
});

const asking = (job: string) =>
  until(`${job} asks`, async () => {
    const status = await client.status(job);
    return status.phase === 'asking' ? status : undefined;
  });
const endOf = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).result();

describe('a restore loop', () => {
  test.each(['window-counts', 'totals'])(
    'is stopped on approval, then the ladder goes on; its end is not taken for a wish (%s)',
    async (job) => {
      // The second job: also when nobody heard that the run has ended.
      answerLost = job === 'totals';
      await client.recover(job, said);
      const { question } = await asking(job);
      expect(question?.approves).toBe(`cancel run ${RUN_A}`);
      expect(acts).toEqual([]);
      await client.approve(job, { ...said, question: question?.id ?? '' });
      expect(await endOf(job)).toMatchObject({ outcome: 'resumed', restored: { point: OLDER } });
      expect(acts).toEqual([`stop ${RUN_A}`, `restore ${OLDER}`]);
      expect((await client.status(job)).stops).toHaveLength(answerLost ? 0 : 1);
    },
  );
});

describe('a run that started from nothing', () => {
  test('is stopped by choosing a restore point, which is then restored', async () => {
    runs = [
      run({
        run: RUN_B,
        state: 'RUNNING',
        ended: null,
        started: 9_000,
        running: 4,
        completed: 1,
        retained: present(true),
      }),
      run(),
    ];
    await client.recover('window-counts', said);
    const { question } = await asking('window-counts');
    expect(question?.choices).toEqual([TOP, OLDER]);
    await client.chooseRestorePoint('window-counts', { ...said, question: question?.id ?? '', path: TOP });
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed', restored: { point: TOP } });
    expect(acts).toEqual([`stop ${RUN_B}`, `restore ${TOP}`]);
  });
});
