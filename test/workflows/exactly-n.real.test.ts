/**
 * With `attempts: N` the N-th failed attempt is the last, whatever dies, is deployed, is said or alerted meanwhile: the
 * real workflow and steps on a real Temporal server, over the incident in memory. The same on the real systems is
 * `test/integrity/exactly-n.real.test.ts`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { holdfastClient } from '../../client/index.js';
import type { CaseStatus } from '../../domain/case.js';
import { fault } from '../../domain/failure.js';
import { root } from '../../stack/root.js';
import { until } from '../../stack/wait.js';
import type { RunningWorkers } from '../../worker/run.js';
import { CASE, JOB, openCases, said, type Cases, type Steps } from '../support/cases.js';
import type { InstantOutside } from '../support/instant-outside.js';
import { clientOf, temporalForTests, type TestTemporal } from '../support/temporal.js';

const storageAway = fault('StorageUnavailable', 'connection refused', 'nn:9870');

describe('a case fails exactly as often as it may', () => {
  let on: Cases;
  beforeAll(async () => {
    on = await openCases();
  });
  afterAll(() => on?.close());
  afterEach(async () => {
    await on.raw.workflow
      .getHandle(CASE)
      .terminate('the test is over')
      .catch(() => undefined);
  });

  const recover = () => on.client.recover(JOB, { ...said, requestId: randomUUID() });
  /** Nothing more happens to an aborted case, also when it is alerted again. */
  async function staysAborted(failed: number): Promise<CaseStatus> {
    const { alertsHeard } = await on.until('aborted');
    await recover();
    const after = await on.until((s) => s.alertsHeard > alertsHeard);
    expect(after).toMatchObject({ phase: 'aborted', because: { code: 'AttemptsExhausted' } });
    expect(after.failures).toHaveLength(failed);
    return after;
  }

  test('attempts 0: looks at everything, tries nothing', async () => {
    const { world } = await on.outside({ attempts: 0 });
    await recover();
    await staysAborted(0);
    expect(world.acts).toEqual([]);
  });

  test.each([1, 2, 5])('attempts %i', async (n) => {
    const { world } = await on.outside({ attempts: n });
    world.storageDown = storageAway;
    await recover();
    expect((await staysAborted(n)).failures.map((f) => f.attempt)).toEqual(
      Array.from({ length: n }, (_, i) => i + 1),
    );
    expect(world.acts).toEqual([]);
  });

  test('attempts unlimited: goes on until the storage is back', async () => {
    const { world } = await on.outside({ attempts: null });
    world.storageDown = storageAway;
    await recover();
    await on.until((s) => s.failures.length >= 12);
    world.storageDown = null;
    expect(await on.end()).toMatchObject({ outcome: 'resumed' });
    expect(world.submissions).toHaveLength(1);
  });

  test('the same alert, and another, in every step of every attempt', async () => {
    let alerts = 0;
    const { world } = await on.outside({ attempts: 3 }, (it) =>
      dying(it, async (step) => {
        if (step === 'openCase' || step === 'watchRun') return;
        alerts += 2;
        await on.client.recover(JOB, { ...said, requestId: 'the same' });
        await recover();
      }),
    );
    await recover();
    await staysAborted(3);
    expect(alerts).toBeGreaterThanOrEqual(3 * 2 * 7);
    expect(new Set(world.submissions.map((s) => s.run)).size).toBe(3);
    expect(world.submissions).toHaveLength(3);
  });

  test('aborted in the middle of the second attempt: resume grants N more, and no more', async () => {
    let reads = 0;
    await on.outside({ attempts: 3 }, (it) =>
      dying(it, async (step) => {
        if (step === 'readState' && ++reads === 2) await on.client.abort(JOB, said);
      }),
    );
    await recover();
    const aborted = await on.until('aborted');
    expect(aborted.because).toMatchObject({ code: 'Aborted' });
    expect(aborted.failures).toHaveLength(1);
    await on.client.resume(JOB, said);
    await on.until((s) => s.phase === 'aborted' && s.failures.length > 1);
    await staysAborted(1 + 3);
  });

  test('another build of the same code is deployed in every step', async () => {
    let deploys = 0;
    const deployed: Promise<void>[] = [];
    const others: RunningWorkers[] = [];
    const seen = new Set<string>();
    await on.outside({ attempts: 3 }, (it) =>
      dying(it, async (step) => {
        if (seen.has(step)) return;
        seen.add(step);
        const old = others.at(-1);
        others.push(await on.anotherWorker());
        deploys++;
        // The step at work may finish, or is cut off and runs again: both within one deploy.
        old?.shutdown();
        if (old !== undefined) deployed.push(old.done);
      }),
    );
    try {
      await recover();
      await staysAborted(3);
      expect(deploys).toBeGreaterThanOrEqual(9);
    } finally {
      for (const workers of others) workers.shutdown();
      await Promise.all([...deployed, ...others.map((workers) => workers.done)]);
    }
  });
});

test('counts through continue-as-new', async () => {
  const on = await openCases({ 'limit.historyCount.suggestContinueAsNew': 40 });
  try {
    const { world } = await on.outside({ attempts: 9 });
    world.storageDown = storageAway;
    await on.client.recover(JOB, said);
    const aborted = await on.until('aborted');
    expect(aborted.failures.map((f) => f.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const first = await on.client.cases({ job: JOB });
    expect(first.length).toBeGreaterThan(1);
  } finally {
    await on.close();
  }
});

/** The steps of a world in which every restored run dies, so that each attempt comes by every step; and what else happens in each. */
function dying(it: InstantOutside, inStep: (step: string) => Promise<void>): Steps {
  const { world, steps } = it;
  const all = {
    ...steps,
    // What is lost with a step may still reach Flink for minutes, and is waited for: here it was long ago.
    restoreJob: async (input: Parameters<typeof steps.restoreJob>[0]) => ({
      ...(await steps.restoreJob(input)),
      at: 0,
    }),
    confirmRestored: async ({ run }: { readonly run: string }) => {
      world.runs = world.runs.filter((r) => r.run !== run);
      for (const file of [...world.files.keys()]) if (file.includes(`/${run}/`)) world.files.delete(file);
      return { is: 'dead', fault: fault('StorageUnavailable', `run ${run} ended as FAILED`, run) };
    },
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, step]) => [
      name,
      async (...args: never[]) => {
        await inStep(name);
        return (step as (...a: never[]) => Promise<unknown>)(...args);
      },
    ]),
  );
}

/** Every step, killed when it has begun; and, where something was changed outside, when it was done and not yet reported. */
const DEATHS = [
  ['openCase', 'before'],
  ['assessRun', 'before'],
  ['readState', 'before'],
  ['resumeOffsets', 'before'],
  ['resumeOffsets', 'after'],
  ['restoreJob', 'before'],
  ['restoreJob', 'after'],
  ['confirmRestored', 'after'],
  ['awaitReturn', 'before'],
  ['watchRun', 'before'],
] as const;

describe('the worker is killed, and started again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-exactly-n-'));
  const children = new Set<ChildProcess>();
  let temporal: TestTemporal;
  let over = false;
  beforeAll(async () => {
    temporal = await temporalForTests(
      {},
      DEATHS.map(([step, when]) => namespaceOf(step, when)),
    );
  });
  afterAll(async () => {
    over = true;
    const gone = [...children].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(gone);
    await temporal?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const namespaceOf = (step: string, when: string): string => `${step.toLowerCase()}-${when}`;

  /** A worker in a process of its own; who kills itself is started again. */
  function keepAlive(options: object): void {
    const worker = join(root, 'test', 'support', 'mortal-worker.mjs');
    const child = spawn(process.execPath, [worker, JSON.stringify(options)], { stdio: 'ignore' });
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      if (!over) keepAlive(options);
    });
  }

  // All at once: what takes time is that the server waits for a dead worker, up to a minute for a step without heartbeat.
  test.concurrent.each(DEATHS)(
    'in %s, %s its work: three attempts fail, and no more',
    { timeout: 240_000 },
    async (step, when) => {
      const namespace = namespaceOf(step, when);
      const { config } = temporal;
      const mine = join(folder, namespace);
      mkdirSync(mine);
      const raw = clientOf({ ...config, temporal: { ...config.temporal, namespace } });
      const client = holdfastClient({ client: raw, config });
      try {
        keepAlive({
          address: config.temporal.address,
          namespace,
          policy: { attempts: 3 },
          die: { step, when },
          folder: mine,
        });
        await client.recover(JOB, said);
        const begun = (): readonly string[] =>
          existsSync(join(mine, 'steps')) ? readFileSync(join(mine, 'steps'), 'utf8').split('\n') : [];
        const aborted = await until(
          `it gave up after a death in ${step}`,
          async () => {
            const status = await client.status(JOB).catch(() => null);
            // `watchRun` begins when the case is aborted: it dies, and begins again.
            const again = begun().filter((line) => line.startsWith(`${step} `)).length > 1;
            return status?.phase === 'aborted' && again ? status : undefined;
          },
          { within: 200_000, every: 500 },
        );
        expect(aborted.because).toMatchObject({ code: 'AttemptsExhausted' });
        expect(aborted.failures.map((f) => f.attempt)).toEqual([1, 2, 3]);
        // Only the step that was cut off was begun once more, and a submission under the same run id.
        const runs = begun().filter((line) => line.startsWith('restoreJob'));
        expect(new Set(runs).size).toBe(3);
        expect(runs.length).toBe(step === 'restoreJob' ? 4 : 3);
        expect(existsSync(join(mine, 'died'))).toBe(true);
      } finally {
        await client.close();
      }
    },
  );
});
