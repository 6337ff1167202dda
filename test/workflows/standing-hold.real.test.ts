/** A hold that stands when no case is open, on a real Temporal server. */
import { cancelled } from '@temporalio/activity';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitRelease } from '../../activities/await-release.js';
import type { Activities, Deps } from '../../activities/index.js';
import { heartbeat, cancellationSignal } from '@temporalio/activity';
import { run as runCli } from '../../cli/program.js';
import type { Terminal } from '../../cli/terminal.js';
import { holdfastClient, type HoldfastClient } from '../../client/index.js';
import type { CaseEnd } from '../../domain/case.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { until } from '../../stack/wait.js';
import { createLog } from '../../worker/logger.js';
import { createWorkers, type RunningWorkers } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { assessment, run } from '../support/evidence.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

let temporal: TestTemporal;
let client: HoldfastClient;
let raw: ReturnType<typeof clientOf>;
let workers: RunningWorkers;
let looks = 0;
/** What Flink shows of the job: of a job that a person cancelled the case ends with its first look. */
let state = 'CANCELED';
const folder = mkdtempSync(join(tmpdir(), 'holdfast-hold-'));
const file = join(folder, 'holdfast.yaml');

const deps = () =>
  ({
    config: temporal.config,
    ports: {
      clock: { now: Date.now, sleep: (_ms: number, signal: AbortSignal) => sleep(50, undefined, { signal }) },
    },
    standingHold: (cluster: string, job: string) => client.standingHold(cluster, job),
  }) as unknown as Deps;

const steps: Partial<Activities> = {
  openCase: async ({ job }) => ({
    job: job as never,
    cluster: 'counts' as never,
    workflowId: `recover/counts/${job}`,
    policy: STRICT,
    configDigest: '0'.repeat(64),
    searchAttributes: [],
    hold: await client.standingHold('counts', job),
  }),
  assessRun: async () => {
    looks++;
    const hold = await client.standingHold('counts', JOB);
    return assessment({ runs: present([run({ state })]), hold });
  },
  awaitRelease: (input) => awaitRelease(deps(), input, cancellationSignal(), heartbeat),
  watchRun: () => cancelled(),
};

const said = { by: 'ada', reason: 'we deploy' };
const JOB = 'window-counts';

beforeAll(async () => {
  temporal = await temporalForTests();
  raw = clientOf(temporal.config);
  client = holdfastClient({ client: raw, config: temporal.config });
  writeFileSync(
    file,
    `
temporal: { address: '${temporal.system.address}' }
storage: { disk: { kind: file, allow: [/data], scratch: /data/probe } }
clusters:
  counts: { flink: { rest: ['http://127.0.0.1:1'] }, checkpoints: 'file:/data/c1' }
jobs:
  window-counts: { cluster: counts, match: { name: window counts }, launch: { jar: x.jar } }
  totals: { cluster: counts, launch: { jar: x.jar } }
`,
  );
  // Without any worker a hold can be placed, and is found.
  await client.placeHold(JOB, { ...said, forMs: 3_600_000 });
  expect(await client.standingHold('counts', JOB)).toMatchObject({ ...said, job: JOB });
  expect(await client.standingHold('counts', 'totals')).toBeNull();
  const log = createLog(scrubber([]), { level: 'silent' });
  workers = await createWorkers({ config: temporal.config, log, activities: steps });
});
afterAll(async () => {
  workers.shutdown();
  await workers.done;
  await client.close();
  await temporal.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  looks = 0;
  state = 'CANCELED';
});
afterEach(async () => {
  for (const target of [JOB, 'totals', 'counts']) await client.endHold(target, said);
});

const endOf = (job: string) => raw.workflow.getHandle(`recover/counts/${job}`).result() as Promise<CaseEnd>;
const held = (job: string) =>
  until(
    `${job} is held`,
    async () => {
      const status = await client.status(job);
      return status.phase === 'held' ? status : undefined;
    },
    { within: 60_000, every: 50 },
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

describe('a standing hold', () => {
  test('makes a case wait that an alert opens, and says who, why and until when', async () => {
    await client.recover(JOB, said);
    const status = await held(JOB);
    expect(status.hold).toMatchObject({ by: 'ada', reason: 'we deploy', standing: true });
    expect(status.hold?.until).toBeGreaterThan(Date.now() + 3_000_000);
    expect(status.next).toEqual([`holdfast release ${JOB} --reason …`]);
    expect(looks).toBe(0);
    // Ending the hold is enough: nobody has to know which cases wait for it.
    expect(await client.endHold(JOB, said)).toBe('ended');
    expect(await endOf(JOB)).toMatchObject({ outcome: 'ended by a person' });
    expect(looks).toBe(1);
  });

  test('ends at its time by itself', async () => {
    await client.placeHold(JOB, { ...said, forMs: 3_000 });
    await client.recover(JOB, said);
    await held(JOB);
    expect(await endOf(JOB)).toMatchObject({ outcome: 'ended by a person' });
    await until('no hold stands', async () => (await client.standingHold('counts', JOB)) === null, {
      within: 60_000,
    });
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
    await Promise.all([client.recover(JOB, said), client.recover('totals', said)]);
    await Promise.all([held(JOB), held('totals')]);
    const overview = await holdfast('status');
    expect(overview.out).toContain('held by ada until');
    expect((await holdfast('release', JOB, '--reason', 'this one is done')).code).toBe(0);
    expect(await endOf(JOB)).toMatchObject({ outcome: 'ended by a person' });
    expect((await client.status('totals')).phase).toBe('held');
    expect((await holdfast('release', 'counts', '--reason', 'done')).out).toContain('standing hold ended');
    expect(await endOf('totals')).toMatchObject({ outcome: 'ended by a person' });
  });

  test('that is placed again is replaced, and an aborted wait does not begin', async () => {
    await client.placeHold(JOB, { ...said, forMs: 3_600_000 });
    await client.placeHold(JOB, { by: 'bob', reason: 'longer', forMs: 7_200_000 });
    expect(await client.standingHold('counts', JOB)).toMatchObject({ by: 'bob' });
    await client.recover(JOB, said);
    await held(JOB);
    await client.abort(JOB, said);
    await until('it is aborted', async () => (await client.status(JOB)).phase === 'aborted', {
      within: 60_000,
    });
    expect(looks).toBe(0);
    await client.closeCase(JOB, said);
    await expect(endOf(JOB)).rejects.toMatchObject({ cause: { type: 'RecoveryAborted' } });
  });

  test('is refused where no case would find it, and needs a time for a cluster', async () => {
    const wrong = await raw.workflow.start('standingHold', {
      workflowId: 'my-hold',
      taskQueue: 'holdfast',
      args: [{ cluster: 'counts', job: JOB, ...said }],
    });
    const refused: unknown = await wrong.result().catch((error: unknown) => (error as Error).cause);
    expect((refused as Error).message).toContain('hold/counts/window-counts');
    const byHand = await raw.workflow.start('standingHold', {
      workflowId: `hold/counts/${JOB}`,
      taskQueue: 'holdfast',
      args: [{ cluster: 'counts', job: JOB, ...said, forMinutes: 5 }],
    });
    await until('it is found', async () => (await client.standingHold('counts', JOB)) !== null, {
      within: 60_000,
    });
    await client.endHold(JOB, said);
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
  await client.recover(JOB, said);
  await until('it watches', async () => (await client.status(JOB)).phase === 'watching', { within: 60_000 });
  // As a client does that dies before it has told the case.
  await raw.workflow.start('standingHold', {
    workflowId: `hold/counts/${JOB}`,
    taskQueue: 'holdfast',
    args: [{ cluster: 'counts', job: JOB, ...said, forMinutes: 5 }],
  });
  await until('it is found', async () => (await client.standingHold('counts', JOB)) !== null, {
    within: 60_000,
  });
  state = 'CANCELED';
  await client.retryNow(JOB, said);
  expect((await held(JOB)).hold).toMatchObject({ by: 'ada', standing: true });
  // Released alone it goes on although the hold still stands.
  await client.release(JOB, said);
  expect(await endOf(JOB)).toMatchObject({ outcome: 'ended by a person' });
  expect(await client.standingHold('counts', JOB)).not.toBeNull();
});
