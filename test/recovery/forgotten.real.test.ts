/** A run ended while nobody watched, and its JobManager is gone: Flink's archive tells how. On the real systems. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Trial, type TrialConfig } from '../support/trial.js';

const { stack, flink, trial } = trials();

const archive = (): string => stack().flink.places.archive ?? '';
const withArchive = ({ clusters }: TrialConfig): void => {
  for (const cluster of Object.values(clusters)) Object.assign(cluster, { archive: archive() });
};

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Ends the run behind the back of the watch, and has the next JobManager know nothing of it. */
async function forgotten(it: Trial, end: () => Promise<void>): Promise<void> {
  await it.worker.stop();
  await end();
  const archived = join(new URL(archive()).pathname, it.run);
  await until('Flink has archived it', () => exists(archived));
  // It writes the dirty result after the archive, and removes the jar after that.
  const { haStorage, clusterId } = stack().flink.places;
  const jar = join(new URL(haStorage).pathname, clusterId, 'blob', `job_${it.run}`);
  await until('Flink has begun to clean up after it', async () => !(await exists(jar)));
  const dirty = join(new URL(stack().flink.places.jobResults).pathname, `${it.run}_DIRTY.json`);
  const jobManager = stack().server('jobmanager');
  await until('a next JobManager has forgotten it', async () => {
    // One that dies before it has cleaned up leaves that to the next one, which shows the run once more.
    await until('Flink has cleaned up after it', async () => !(await exists(dirty)));
    await jobManager.kill();
    await jobManager.start();
    return (await until('it answers', () => flink().jobs())).every(({ jid }) => jid !== it.run);
  });
  await it.alert();
  await it.worker.start();
}

test('that a person cancelled is not brought back', async () => {
  const it = await trial({ configure: withArchive });
  await forgotten(it, async () => {
    await flink().cancel(it.run);
    await flink().reaches(it.run, 'CANCELED');
  });
  const end = await it.ended();
  expect(end).toMatchObject({ outcome: 'ended by a person', restored: null });
  expect(end.because).toContain(`Flink's archive shows ${it.run} as CANCELED`);
  expect(await it.states()).toEqual([]);
});

test('that failed is restored without a question', async () => {
  const it = await trial({ configure: withArchive });
  const point = async () => (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
  let newest = 'none';
  await forgotten(it, async () => {
    await it.lose();
    newest = await point();
  });
  const { situation } = await it.resumedFrom(newest, { runs: 1 });
  expect(situation).not.toBeNull();
  await it.oneCase();
});
