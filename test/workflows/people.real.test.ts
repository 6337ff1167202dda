/** Every door of design 4.7: each verb on the command line against a real Temporal server, and questions that expire. */
import { cancelled } from '@temporalio/activity';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { run as runCli } from '../../cli/program.js';
import type { Terminal } from '../../cli/terminal.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { CaseEnd } from '../../domain/case.js';
import { failure } from '../../domain/failure.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { present, type Reading } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, inRange, path, pointers, run, RUN_A, sound } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;
interface World {
  policy: Policy;
  storageIsBack: boolean;
  offsets: Reading<OffsetCheck>;
  looks: number;
  submissions: string[];
}
let world: World;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-people-'));
const file = join(folder, 'holdfast.yaml');
const gap = present({ ...inRange, gone: [{ topic: 't', partition: 0, records: '7' }] });
const slow: Policy = {
  ...STRICT,
  backoff: { initial: 600_000, factor: 1, max: 600_000, jitter: 0 },
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
  assessRun: async () => {
    world.looks++;
    return assessment({ runs: present([run()]) });
  },
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  readState: async () => sound,
  checkOffsets: async () => world.offsets,
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async (input) => {
    world.submissions.push(input.point.path);
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
  writeFileSync(
    file,
    `
temporal: { address: '${temporal.system.address}' }
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters:
  counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:/data/c1' }
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
`,
  );
});
afterAll(async () => {
  workers.shutdown();
  await workers.done;
  await client.close();
  await temporal.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  world = { policy: slow, storageIsBack: true, offsets: present(inRange), looks: 0, submissions: [] };
});

const JOB = 'window-counts';
const said = { by: 'ada', reason: 'a test' };
const endOf = () => raw.workflow.getHandle(`recover/counts/${JOB}`).result() as Promise<CaseEnd>;
const phaseIs = (phase: string) =>
  until(
    `the case is ${phase}`,
    async () => {
      const status = await client.status(JOB);
      return status.phase === phase ? status : undefined;
    },
    { within: 60_000, every: 30 },
  );

async function holdfast(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    write: (line) => void out.push(line),
    put: (piece) => void out.push(piece),
    note: (line) => void err.push(line),
    paint: (_as, text) => text,
    screen: false,
    columns: 100,
    interactive: false,
    ask: () => Promise.reject(new Error('nobody is asked')),
    clear: () => undefined,
    signal: new AbortController().signal,
  };
  const code = await runCli([...args, '--config', file], terminal);
  return { code, out: out.join('\n'), err: err.join('\n') };
}
const say = (verb: string, ...more: readonly string[]) =>
  holdfast(verb, JOB, ...more, '--reason', 'a test', '--by', 'ada');

describe('every verb has its door on the command line', () => {
  test('retry, hold, release, abort, resume and close', async () => {
    world.storageIsBack = false;
    await client.recover(JOB, said);
    await phaseIs('waiting');
    expect((await say('close')).code).toBe(1);
    expect((await say('hold')).code).toBe(0);
    expect((await phaseIs('held')).hold).toMatchObject({ by: 'ada', reason: 'a test' });
    expect((await say('release')).code).toBe(0);
    await phaseIs('waiting');
    expect((await say('retry')).code).toBe(0);
    await until('the second attempt failed', async () => (await client.status(JOB)).failures.length === 2, {
      within: 60_000,
    });
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
    await client.recover(JOB, said);
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
    await client.recover(JOB, said);
    await phaseIs('asking');
    expect((await say('reject', '--yes')).code).toBe(0);
    expect((await phaseIs('aborted')).because?.code).toBe('Rejected');
    await say('close');
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
    expect(world.submissions).toEqual([]);
  });

  test('choose: takes another point, also while the case only waits', async () => {
    world.storageIsBack = false;
    await client.recover(JOB, said);
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
    await client.recover(JOB, said);
    const { question: first } = await phaseIs('asking');
    const again = await until(
      'it is asked again',
      async () => {
        const status = await client.status(JOB);
        return status.question !== null && status.question.askedAt > (first?.askedAt ?? 0)
          ? status
          : undefined;
      },
      { within: 60_000, every: 30 },
    );
    expect(world.looks).toBeGreaterThanOrEqual(2);
    expect(again.failures).toEqual([]);
    expect(again.attempt).toBe(1);
    await client.abort(JOB, said);
    await phaseIs('aborted');
    await client.closeCase(JOB, said);
    await expect(endOf()).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('of policy approval: always comes before every restore, with its cost', async () => {
    world.policy = { ...slow, approval: 'always', approvalExpires: 600_000 };
    await client.recover(JOB, said);
    const { question } = await phaseIs('asking');
    expect(question).toMatchObject({ about: 'approval', approves: `restore ${path(RUN_A, 12)}` });
    expect(question?.facts).toHaveLength(4);
    expect(world.submissions).toEqual([]);
    const { looks } = world;
    await client.approve(JOB, { ...said, question: question?.id ?? '' });
    expect(await endOf()).toMatchObject({ outcome: 'resumed' });
    // After consent the attempt looks again: the world may have moved.
    expect(world.looks).toBe(looks + 1);
  });
});
