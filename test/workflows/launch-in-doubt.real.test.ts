/** A launch that only a person can settle, in the real workflow on a real server; the steps are fakes. */
import { cancelled } from '@temporalio/activity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import type { RestoreInput } from '../../activities/restore-job.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import { HoldfastError } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { launchInDoubt } from '../../domain/launch-command.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, inRange, pointers, run, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

const SHOWN = runId('c'.repeat(32));
const said = { by: 'ada', reason: 'a test' };
let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;

let submissions: Pick<RestoreInput, 'run' | 'inDoubt'>[];
/** Runs that were asked for a proof. */
let confirmed: string[];
/** The first call is interrupted, and only the second begins anew. */
let interrupted: boolean;
let alive: boolean;

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy: { ...STRICT, backoff: { initial: 20, factor: 1, max: 20, jitter: 0 }, soak: 1 },
    configDigest: '0'.repeat(64),
    searchAttributes: [],
  }),
  assessRun: async ({ submitted }) => {
    const shown = submitted.includes(SHOWN) ? [run({ run: SHOWN, state: 'RUNNING', started: 9_000 })] : [];
    return assessment({ runs: present(alive ? [...shown, run()] : [run()]) });
  },
  fetchPointer: async () => pointers(),
  readState: async () => sound,
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async (input) => {
    submissions.push({ run: input.run, inDoubt: input.inDoubt === true });
    if (interrupted) throw new HoldfastError(launchInDoubt(input.run, 'it was killed'));
    return { is: 'accepted', at: 5_000, state: 'running', shown: SHOWN };
  },
  confirmRestored: async ({ run: id }) => {
    confirmed.push(id);
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] };
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
  workers?.shutdown();
  await workers?.done;
  await client?.close();
  await temporal?.close();
});
beforeEach(() => {
  submissions = [];
  confirmed = [];
  interrupted = true;
  alive = false;
});

const phaseIs = (job: string, phase: string) =>
  until(`${job} is ${phase}`, async () => {
    const status = await client.status(job);
    return status.phase === phase ? status : undefined;
  });
const endOf = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).result();

describe('a launch that nobody but a person can settle', () => {
  test('is asked about, and submitted anew with another id only on approval', async () => {
    await client.recover('window-counts', said);
    const asking = await phaseIs('window-counts', 'asking');
    expect(asking.because?.code).toBe('LaunchInDoubt');
    expect(submissions).toHaveLength(1);
    interrupted = false;
    await client.approve('window-counts', { ...said, question: asking.question?.id ?? '' });
    expect(await endOf('window-counts')).toMatchObject({ outcome: 'resumed', restored: { run: SHOWN } });
    const [first, second] = submissions;
    expect(second?.run).not.toBe(first?.run);
    expect(submissions.map((s) => s.inDoubt)).toEqual([false, false]);
    // The proof is about the run that the lookup named, not about the id that the program was given.
    expect(confirmed).toEqual([SHOWN]);
  });

  test('looks again with the same id when a person only says: retry', async () => {
    await client.recover('totals', said);
    await phaseIs('totals', 'asking');
    interrupted = false;
    await client.retryNow('totals', said);
    expect(await endOf('totals')).toMatchObject({ outcome: 'resumed' });
    expect(submissions[1]).toEqual({ run: submissions[0]?.run, inDoubt: true });
  });
});
