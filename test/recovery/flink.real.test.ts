/** Flink itself dies, or its answer is lost, before, during and after the submission. On the real systems. */
import { describe, expect, test } from 'vitest';
import type { Watched } from '../../activities/index.js';
import { jobName } from '../../domain/ids.js';
import { emptyLedger, type JobLedger } from '../../domain/ledger.js';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';

/** The one dangerous request. */
const SUBMISSION = /POST \/jars\/[^ ]+\/run/;

const submissionSeen = (it: Trial): Promise<true> =>
  until(
    'the submission is on its way',
    () => it.proxy.flink.received().some((text) => SUBMISSION.test(text)) && true,
    { every: 20 },
  );

/** The JobManager forgets a failed job with its death: what the watch has seen is all that is left. */
const ledgerSawIt = (it: Trial): Promise<true> =>
  until(
    'the watch has seen it FAILED',
    async () => (await it.client.ledger('trial'))?.['window-counts']?.runs[0]?.state === 'FAILED' && true,
  );

const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';

/** What the watch remembers while nothing has changed: its memo tells it only when something has. */
async function watchSees(it: Trial): Promise<JobLedger | undefined> {
  const { raw } = await it.temporal.workflow.getHandle('watch/trial').describe();
  const [details] = raw.pendingActivities?.[0]?.heartbeatDetails?.payloads ?? [];
  if (details === undefined) return undefined;
  return (JSON.parse(Buffer.from(details.data ?? []).toString()) as Watched).ledgers[
    jobName('window-counts')
  ];
}

const idIn = (path: string): string => /chk-(\d+)$/.exec(path)?.[1] ?? '0';
const isNewer = (path: string, than: string): boolean => Number(idIn(path)) > Number(idIn(than));

describe.each(['1.20', '2.2'] as const)('on Flink %s', (flinkVersion) => {
  const { stack, flink, trial } = trials({
    flink: flinkVersion,
    flinkSettings: { options: { 'slot.request.timeout': '4000' } },
  });

  test('the answer to the submission is lost: in doubt, found by its id, proved; one run', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    await it.proxy.flink.set({ is: 'reset', after: 'answer' }, SUBMISSION);
    await it.alert();
    const doubt = await it.failedWith('SubmitInDoubt');
    await it.proxy.flink.set({ is: 'none' });
    const resumed = await it.resumedFrom(await newestOf(it));
    expect(resumed.restored?.run).toBe(doubt.failures.at(-1)?.fault.where ?? resumed.restored?.run);
    expect(resumed.failures).toHaveLength(1);
  });

  test('the JobManager dies right after it took the submission: the next one starts the same run, which is proved', async () => {
    const it = await trial();
    await it.lose();
    const point = await newestOf(it);
    await it.alert();
    const { restored } = await it.phaseIs('confirming');
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    await jobManager.start();
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.run).toBe(restored?.run);
    expect(resumed.restored?.point).toBe(point);
    expect((await it.steps()).filter(({ step }) => step === 'restoreJob')).toHaveLength(1);
    await it.countsAreRight();
  });

  // The main ones above on both versions, the rest on one.
  if (flinkVersion !== '1.20') return;

  test('the JobManager dies before the submission reaches it: the same id is used again; one run', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    await ledgerSawIt(it);
    const point = await newestOf(it);
    await it.proxy.flink.set({ is: 'hang' }, SUBMISSION);
    await it.alert();
    await submissionSeen(it);
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    await it.proxy.flink.set({ is: 'refuse' });
    await it.failedWith('SubmitInDoubt', 'FlinkUnavailable');
    await it.proxy.flink.set({ is: 'none' });
    await jobManager.start();
    await it.resumedFrom(point, { runs: 1 });
  });

  test('no JobManager when the alert comes: waits for it, then restores', async () => {
    const it = await trial();
    await it.lose();
    await ledgerSawIt(it);
    const point = await newestOf(it);
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    await it.alert();
    await it.failedWith('FlinkUnavailable');
    expect((await it.status()).restored).toBeNull();
    await jobManager.start();
    await it.resumedFrom(point, { runs: 1 });
  });

  test('the JobManager hangs without dying: bounded, nothing submitted, restored when it answers again', async () => {
    const it = await trial({ through: ['flink'] });
    await it.lose();
    await it.proxy.flink.set({ is: 'hang' });
    await it.alert();
    await it.failedWith('FlinkUnavailable');
    await it.proxy.flink.set({ is: 'none' });
    await it.resumedFrom(await newestOf(it));
  });

  test('the TaskManager dies while the restore is being proved: that run is over, the next one is proved', async () => {
    const it = await trial();
    await it.lose();
    await it.alert();
    const { restored } = await it.phaseIs('confirming');
    await it.flink.running(restored?.run ?? '');
    const taskManager = stack().server('taskmanager');
    await taskManager.kill();
    await it.failedWith('RestoreTimedOut', 'NoSlots');
    await taskManager.start();
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.run).not.toBe(restored?.run);
    expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
    await it.countsAreRight();
  });

  test('no TaskManager at all: the restored run waits for slots and is over; tried again until there are some', async () => {
    const it = await trial();
    await it.lose();
    const point = await newestOf(it);
    const taskManager = stack().server('taskmanager');
    await taskManager.kill();
    await until('Flink has noticed', async () => {
      const { taskmanagers } = (await flink().get('/overview')) as { readonly taskmanagers: number };
      return taskmanagers === 0;
    });
    await it.alert();
    await it.failedWith('NoSlots', 'RestoreTimedOut');
    await taskManager.start();
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.point).toBe(point);
    expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
    await it.countsAreRight();
  });

  test('the JobManager dies while the job is healthy: Flink brings it back, nothing is submitted', async () => {
    const it = await trial();
    const jobManager = stack().server('jobmanager');
    await jobManager.kill();
    await it.alert();
    await until('nobody answers', async () => (await it.status()).situation !== null);
    await jobManager.start();
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['RUNNING']);
    await it.countsAreRight();
  });

  test('the JobManager dies and nobody says so: Flink brings the first run back, and the watch raises no alarm', async () => {
    const it = await trial();
    const before = await newestOf(it);
    await stack().server('jobmanager').kill();
    await stack().server('jobmanager').start();
    await until(
      'the watch has seen a checkpoint of the new start',
      async () => {
        const { runs, points } = (await watchSees(it)) ?? emptyLedger(0);
        const newest = points[0];
        return runs[0]?.state === 'RUNNING' && newest !== undefined && isNewer(newest.path, before) && true;
      },
      { within: 90_000 },
    );
    expect(await it.client.cases({ job: 'window-counts' })).toEqual([]);
    await it.countsAreRight();
  });

  test('the HA settings of the cluster are not the configured ones: nothing is submitted, asked', async () => {
    const it = await trial({
      configure: (config) => {
        for (const cluster of Object.values(config.clusters)) cluster.ha['clusterId'] = '/another';
      },
    });
    await it.lose();
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'ConfigInvalid' });
    expect(await it.states()).toEqual(['FAILED']);
  });
});
