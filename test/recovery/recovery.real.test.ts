/** The whole service on the real systems, with the things that go wrong on top of the incident. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JOB, openScene, TOPICS, type TwinScene } from '../../demo/scene.js';
import { checkWindows, committedOffsets, until } from '../../stack/index.js';
import { holdfastApart, type HoldfastApart } from '../support/holdfast.js';

let scene: TwinScene;
let holdfast: HoldfastApart | undefined;

beforeEach(async () => {
  scene = await openScene({ flink: '1.20', temporal: { ui: false } });
  await scene.flink.checkpointed(scene.run, 3);
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(`logs: ${await scene.stack.keepLogs().catch(String)}`);
  await holdfast?.close();
  holdfast = undefined;
  await scene.stack.stop();
});

const status = async () => {
  if (holdfast === undefined) throw new Error('Holdfast is not started');
  return holdfast.client.status(JOB);
};
const phaseIs = (phase: string, within = 120_000) =>
  until(`the case is ${phase}`, async () => ((await status()).phase === phase ? status() : undefined), {
    within,
    every: 200,
  });

async function loseTheJob(): Promise<void> {
  await scene.stack.server('namenode').kill();
  await Promise.all([scene.run, scene.blankRun].map((run) => scene.flink.reaches(run, 'FAILED')));
}

async function bringTheNameNodeBack(): Promise<void> {
  await scene.stack.server('namenode').start({ wait: false });
  await scene.stack.nameNodeUsable();
}

async function countsAreRight(): Promise<void> {
  const events = await scene.events.finish();
  const counts = await checkWindows({ broker: scene.stack.endpoints.kafka ?? '', topic: TOPICS.out, events });
  expect(counts).toMatchObject({ complete: true, missing: 0, wrongCounts: 0, wrongTotals: 0, unexpected: 0 });
}

describe('a recovery goes on whatever dies', () => {
  test('the worker is killed while waiting and while submitting, the alert comes five times: one case, one run, right counts', async () => {
    holdfast = await holdfastApart(scene);
    const { worker, client, sendAlert } = holdfast;
    await loseTheJob();
    const at = new Date();
    for (let i = 0; i < 5; i++) expect(await sendAlert(at)).toBeLessThan(300);
    await until('an attempt has failed', async () => (await status()).failures.length > 0, { every: 100 });
    expect((await status()).alerts.filter((a) => a.alert.source === 'alertmanager')).toMatchObject([
      { count: 5 },
    ]);

    await worker.kill();
    await worker.start();
    await bringTheNameNodeBack();
    await until('a submission is on its way', async () => submitting(client), { every: 20, within: 90_000 });
    await worker.kill();
    await worker.start();

    const resumed = await phaseIs('resumed');
    const runs = (await scene.flink.jobs()).filter((j) => j.name === 'window counts');
    expect(runs.map((j) => j.state).sort()).toEqual(['FAILED', 'RUNNING']);
    expect(resumed.restored?.run).toBe(runs.find((j) => j.state === 'RUNNING')?.jid);
    expect(await client.cases({ job: JOB })).toHaveLength(1);
    await countsAreRight();
  });
});

/** Whether the case has a submission at work or behind it. */
async function submitting(client: HoldfastApart['client']): Promise<boolean> {
  const { status: now } = await client.caseOf(JOB);
  return now !== null && ['restoring', 'confirming', 'resumed'].includes(now.phase);
}

describe('the NameNode stays away for longer than all attempts', () => {
  test('aborts after exactly three, changes nothing, starts nothing on a new alert, and resumes when told to', async () => {
    holdfast = await holdfastApart(scene, { attempts: 3, backoff: { initial: '1s', factor: 1 } });
    await loseTheJob();
    const { client, sendAlert, run } = holdfast;
    const broker = scene.stack.endpoints.kafka ?? '';
    const seen = async () => ({
      jobs: (await scene.flink.jobs()).map((j) => `${j.jid} ${j.state}`).sort(),
      offsets: [...(await committedOffsets(broker, 'window-counts', TOPICS.in))].sort(),
    });
    const before = await seen();
    await sendAlert(new Date());
    const aborted = await phaseIs('aborted');
    expect(aborted.failures.map((f) => f.attempt)).toEqual([1, 2, 3]);
    expect(aborted.because?.code).toBe('AttemptsExhausted');
    expect(aborted.failures.map((f) => f.fault.code)).toEqual(Array(3).fill('StorageUnavailable'));
    expect(await seen()).toEqual(before);

    const heard = aborted.alertsHeard;
    expect(await sendAlert(new Date(Date.now() + 1_000))).toBeLessThan(300);
    await until('the alert joined the case', async () => (await status()).alertsHeard > heard);
    expect(await status()).toMatchObject({ phase: 'aborted', attempt: 3 });
    expect((await status()).failures).toHaveLength(3);
    expect(await client.cases({ job: JOB })).toHaveLength(1);
    expect(await seen()).toEqual(before);

    const shown = await run('status', JOB);
    expect(shown.out).toContain('holdfast resume');
    await bringTheNameNodeBack();
    expect(await seen()).toEqual(before);
    expect(await run('resume', JOB, '--reason', 'the NameNode is back')).toMatchObject({ code: 0 });
    const resumed = await phaseIs('resumed');
    expect(resumed.failures).toHaveLength(3);
    await countsAreRight();
  });
});
