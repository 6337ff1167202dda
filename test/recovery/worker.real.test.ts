/** Workers die by SIGKILL before, during and after every step of a recovery. On the real systems. */
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Moment, type Trial } from '../support/trial.js';

const MOMENTS: readonly Moment[] = ['before', 'during', 'after'];
// The pointers are fetched within `assessRun`, Kafka is looked at within `readState` (activities/look-ahead.ts).
const STEPS = [
  'openCase',
  'assessRun',
  'readState',
  'resumeOffsets',
  'restoreJob',
  'confirmRestored',
] as const;

const { stack, flink, trial } = trials({
  flinkSettings: {
    slots: 10,
    checkpointInterval: '2s',
    options: { 'taskmanager.memory.managed.size': '256m' },
  },
});

/** Each moment has had its death, and Temporal gave the step to a worker once more for each of them. */
async function diedThreeTimes(it: Trial, step: string): Promise<void> {
  const marks = (await readdir(dirname(it.config))).filter((name) => name.startsWith('died-'));
  expect(marks.sort(), step).toEqual(['died-after', 'died-before', 'died-during']);
  // It is a local activity: the history does not tell how often it was begun.
  if (step === 'openCase') return;
  const tries = (await it.steps()).filter((s) => s.step === step).map((s) => s.tries);
  // A busy machine may make a step late with its heartbeat, which is another try.
  expect(Math.max(...tries), step).toBeGreaterThan(MOMENTS.length);
}

describe('six jobs recover at the same time, each with two workers, of which one dies before, during and after another step', () => {
  test('the other goes on: every job is restored once, from its newest point, with right counts', async () => {
    const all = await Promise.all(
      STEPS.map((step) => trial({ dying: { step, moments: MOMENTS, workers: 2 }, parallelism: 1 })),
    );
    const points = await Promise.all(
      all.map(async (it) => {
        await it.lose();
        return (await flink().checkpoints(it.run)).newest?.path ?? '';
      }),
    );
    await Promise.all(all.map((it) => it.alert()));
    await Promise.all(
      STEPS.map(async (step, at) => {
        const it = all[at] as Trial;
        const resumed = await it.resumedFrom(points[at] ?? '', { within: 240_000 });
        await it.oneCase();
        await diedThreeTimes(it, step);
        // A death is technical: it is no attempt. A submission whose answer was lost is one, and honest.
        const codes = resumed.failures.map(({ fault }) => fault.code);
        expect(
          codes.filter((code) => code !== 'SubmitInDoubt'),
          step,
        ).toEqual([]);
      }),
    );
  }, 480_000);
});

describe('the worker dies while it waits', () => {
  test('before, during and after the wait for the NameNode: no attempt is lost or counted twice', async () => {
    const it = await trial({ dying: { step: 'awaitReturn', moments: MOMENTS, workers: 1 } });
    const nameNode = stack().server('namenode');
    await it.lose();
    const point = (await flink().checkpoints(it.run)).newest?.path ?? '';
    await nameNode.kill();
    await it.alert();
    await it.failedWith('StorageUnavailable');
    await until('the worker died twice', () => it.worker.exits.length >= 2, { within: 90_000 });
    await nameNode.start();
    const resumed = await it.resumedFrom(point);
    expect(resumed.failures.map(({ attempt }) => attempt)).toEqual(resumed.failures.map((_, at) => at + 1));
    await it.oneCase();
  });
});
