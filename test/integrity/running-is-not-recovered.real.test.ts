/**
 * Promise 8, on the real systems: Flink says RUNNING, all tasks run, and no checkpoint can complete; then one does, and
 * the positions have moved on.
 */
import { expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials } from '../support/trial.js';

const { stack, flink, trial } = trials();

/** What Flink may do in the directory of a run's checkpoints: it is not its superuser. */
const mayDo = (run: string, permission: '555' | '755') =>
  stack().hdfs.files.setPermission(`/flink/checkpoints/${run}`, permission);

test('the restored job runs and cannot complete a checkpoint: not resumed, not submitted again, until it can', async () => {
  const it = await trial({
    checkpoints: 1,
    flinkConfiguration: {
      'execution.checkpointing.tolerable-failed-checkpoints': '1000',
      // The first checkpoint comes no earlier than that: there is time to make it fail.
      'execution.checkpointing.interval': '8 s',
      'execution.checkpointing.min-pause': '7 s',
    },
  });
  await it.lose();
  const { newest } = await flink().checkpoints(it.run);
  await it.alert();
  const confirming = await it.phaseIs('confirming');
  const run = confirming.restored?.run ?? '';
  await until('no checkpoint can be written', () => mayDo(run, '555').then(() => true));
  try {
    await flink().running(run);
    const { completed } = await flink().checkpoints(run);
    expect(completed, 'it came before the first checkpoint').toBe(0);
    await until('a checkpoint of the running job failed', async () => {
      return (await flink().checkpoints(run)).failed > 0;
    });
    expect(await it.states()).toEqual(['FAILED', 'RUNNING']);
    expect((await it.status()).phase).toBe('confirming');
    expect((await it.status()).restored?.provedAt).toBeNull();
  } finally {
    await mayDo(run, '755');
  }

  const resumed = await it.resumedFrom(newest?.path ?? 'none');
  expect(resumed.restored?.run).toBe(run);
  const proved = await flink().checkpoints(run);
  expect(proved.newest?.id, 'a newer checkpoint than the restored one').toBeGreaterThan(newest?.id ?? 0);
  expect((await it.steps()).filter(({ step }) => step === 'restoreJob')).toHaveLength(1);
  for (const word of [/NO_CLAIM/, /records|positions/i])
    expect(resumed.restored?.proofs.join('\n')).toMatch(word);
});
