/**
 * Situations in which Holdfast must not submit anything (design, 4.2 and 4.4), on the real systems. One job lives
 * through all of them, one after the other; its windows are counted at the end.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { JOB, openHeldScene, TOPICS, type Scene } from '../../demo/scene.js';
import type { CaseEnd, CaseStatus } from '../../domain/case.js';
import { checkWindows, until } from '../../stack/index.js';
import { holdfastApart, type HoldfastApart } from '../support/holdfast.js';

let scene: Scene;
let holdfast: HoldfastApart;
let failed = false;

beforeAll(async () => {
  scene = await openHeldScene({ flink: '1.20', temporal: { ui: false } });
  await scene.flink.checkpointed(scene.run, 2);
  holdfast = await holdfastApart(scene);
});
afterEach(({ task }) => {
  failed ||= task.result?.state === 'fail';
});
afterAll(async () => {
  if (failed) console.error(`logs: ${await scene.stack.keepLogs().catch(String)}`);
  await holdfast?.close();
  await scene?.stack.stop();
});

/** Sends an alert, which opens a new case; what the case says of itself is collected until it is over. */
async function openCase(): Promise<{
  readonly seen: ReadonlySet<string>;
  readonly status: () => Promise<CaseStatus>;
  readonly ended: (within?: number) => Promise<CaseEnd>;
}> {
  const { client } = holdfast;
  const before = new Set((await client.cases({ job: JOB })).map((c) => c.runId));
  expect(await holdfast.sendAlert(new Date())).toBeLessThan(300);
  const { runId } = await until('the case is open', async () =>
    (await client.cases({ job: JOB })).find((c) => !before.has(c.runId)),
  );
  const seen = new Set<string>();
  const status = async () => {
    const { status: now } = await client.caseOf(`recover/demo/${JOB}`, runId);
    if (now === null) throw new Error('no worker answers');
    if (now.situation !== null) seen.add(`${now.situation.is}, ${now.phase}`);
    expect(now.restored, 'nothing may be submitted').toBeNull();
    expect(now.failures, 'no attempt is spent on what Flink mends').toEqual([]);
    return now;
  };
  const ended = (within = 120_000) =>
    until(
      'the case is over',
      async () => {
        await status();
        return (await client.caseOf(`recover/demo/${JOB}`, runId)).end ?? undefined;
      },
      { within, every: 300 },
    );
  return { seen, status, ended };
}

/** Checkpoints of other runs would betray a second submission, also one that a JobManager forgot. */
async function onlyOneRunEver(): Promise<void> {
  const { files } = scene.stack.hdfs;
  const path = new URL(scene.stack.flink.places.checkpoints).pathname;
  expect((await files.list(path))?.map((f) => f.pathSuffix)).toEqual([scene.run]);
}

describe('what Flink mends itself is left to Flink', () => {
  test('a TaskManager dies: not believed healthy while Flink still shows its tasks as running, then healthy', async () => {
    const taskManager = scene.stack.server('taskmanager');
    await taskManager.kill();
    const { seen, ended } = await openCase();
    await taskManager.start({ wait: false });
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect([...seen].some((s) => s.endsWith(', watching'))).toBe(true);
    expect((await scene.flink.checkpoints(scene.run)).restored).toBeDefined();
    await onlyOneRunEver();
  });

  test('NameNode and JobManager die: held, watched, recovered by Flink when the NameNode is back', async () => {
    const [nameNode, jobManager] = [scene.stack.server('namenode'), scene.stack.server('jobmanager')];
    await nameNode.kill();
    await jobManager.kill();
    const { seen, status, ended } = await openCase();
    await until('the JobManager has given up once', () => jobManager.exits.some((e) => e.code === 239), {
      within: 90_000,
    });
    expect(await status()).toMatchObject({ phase: 'watching', situation: { is: 'held' } });
    await nameNode.start({ wait: false });
    await scene.stack.nameNodeUsable();
    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect([...seen]).toContain('held, watching');
    await onlyOneRunEver();
  });
});

describe('a DataNode dies and leaves an empty job result behind', () => {
  test('named while the DataNode is away, asked when it is back, repaired when approved; Flink recovers', async () => {
    const { stack, run } = scene;
    const { files } = stack.hdfs;
    const store = new URL(stack.flink.places.jobResults).pathname;
    const empty = `${store}/${run}_DIRTY.json`;
    await stack.server('datanode').kill();
    const { seen, status, ended } = await openCase();
    await until('Flink leaves an empty job result', async () => (await files.stat(empty))?.length === 0, {
      within: 150_000,
      every: 500,
    });
    const waiting = await until('the dead end is named', async () => {
      const now = await status();
      return now.situation?.is === 'dead-end' && now.phase === 'waiting' ? now : undefined;
    });
    expect(waiting.waiting?.for).toBe('storage');
    expect(waiting.because?.code).toMatch(/^Storage/);

    // Two minutes are the rule; the file is made older instead of waiting for them.
    const made = Date.now() - 150_000;
    await files.setModified(empty, made);
    await stack.server('datanode').start();
    const asking = await until('the repair is proposed', async () => {
      const now = await status();
      return now.phase === 'asking' ? now : undefined;
    });
    expect(asking.question?.approves).toContain(`${run}_DIRTY.json`);
    expect((await files.stat(empty))?.length, 'nothing is touched before the approval').toBe(0);
    const id = asking.question?.id ?? '';
    expect(
      await holdfast.run('approve', JOB, '--question', id, '--reason', 'the DataNode is back'),
    ).toMatchObject({ code: 0 });

    expect(await ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect([...seen]).toEqual(
      expect.arrayContaining(['dead-end, waiting', 'dead-end, asking', 'held, watching']),
    );
    const [repair, ...more] = (await holdfast.client.status(JOB)).repairs;
    expect(more).toEqual([]);
    expect(repair).toMatchObject({
      was: { length: 0, modified: made },
      deadEnd: { is: 'EmptyJobResult', run },
    });
    expect((await files.list(store))?.map((f) => f.pathSuffix)).toEqual([repair?.to.split('/').at(-1)]);
    await onlyOneRunEver();
  });

  test('after all of it every window is counted right', async () => {
    const events = await scene.events.finish();
    const counts = await checkWindows({
      broker: scene.stack.endpoints.kafka ?? '',
      topic: TOPICS.out,
      events,
    });
    expect(counts).toMatchObject({
      complete: true,
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
      unexpected: 0,
    });
  });
});

describe('what a person ended stays ended', () => {
  test('a person cancels the job: recorded, closed, never restored; also when the JobManager has forgotten it', async () => {
    await scene.flink.cancel(scene.run);
    await scene.flink.reaches(scene.run, 'CANCELED');
    await until('the watch has seen it', async () => {
      const ledger = (await holdfast.client.ledger('demo'))?.[JOB];
      return ledger?.runs[0]?.state === 'CANCELED';
    });
    expect(await (await openCase()).ended()).toMatchObject({ outcome: 'ended by a person', restored: null });

    await scene.stack.server('jobmanager').kill();
    const forgotten = async () => (await scene.flink.jobs()).length === 0;
    await until('the next JobManager has forgotten it', forgotten);
    expect(await (await openCase()).ended()).toMatchObject({ outcome: 'ended by a person', restored: null });
    expect(await forgotten()).toBe(true);
    await onlyOneRunEver();
  });
});
