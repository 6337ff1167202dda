/**
 * Promise 5, on the real systems: the submission is lost, late, repeated and given up by a dying worker, and alerts go
 * on coming; Flink runs the job once, and nobody else has written a checkpoint of it.
 */
import { expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials } from '../support/trial.js';

const { stack, flink, trial } = trials();

const SUBMISSION = /POST \/jars\/[^ ]+\/run/;

test('the call is held back, its worker dies, alerts repeat, and the call arrives late: one run', async () => {
  const it = await trial({ through: ['flink'] });
  await it.lose();
  const point = (await flink().checkpoints(it.run)).newest?.path ?? 'none';
  const directories = async () =>
    ((await stack().hdfs.files.list('/flink/checkpoints')) ?? []).map(({ pathSuffix }) => pathSuffix);
  const before = await directories();
  const calls = () => it.proxy.flink.received().filter((text) => SUBMISSION.test(text)).length;

  await it.proxy.flink.set({ is: 'hold' }, SUBMISSION);
  await it.alert();
  await until('the submission is on its way', () => calls() > 0 && true, { every: 20 });
  await it.worker.kill();
  await it.worker.start();
  await it.alert();
  // Nobody knows whether the first call will ever arrive: the next worker calls with the same id.
  await until('it is submitted once more', () => calls() > 1 && true, { within: 150_000 });
  await it.alert();
  expect(await it.states(), 'nothing has arrived yet').toEqual(['FAILED']);
  await it.proxy.flink.set({ is: 'none' });

  const resumed = await it.resumedFrom(point);
  const run = resumed.restored?.run ?? '';
  expect((await directories()).filter((name) => !before.includes(name))).toEqual([run]);
  // Every call named the same run; Flink takes an id once.
  const named = it.proxy.flink.received().flatMap((text) => {
    const id = SUBMISSION.test(text) ? /"jobId":"([0-9a-f]{32})"/.exec(text)?.[1] : undefined;
    return id === undefined ? [] : [id];
  });
  expect(new Set(named)).toEqual(new Set([run]));
  await it.oneCase();
});
