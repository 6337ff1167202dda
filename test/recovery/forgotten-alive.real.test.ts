/** The JobManager and the HA data of a run are gone while its TaskManager still works: on the real systems. */
import { expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials } from '../support/trial.js';
import { deleteAll } from '../support/zk-cli.js';

const { stack, flink, trial } = trials();

const JOB = 'window-counts';
const said = { by: 'test', reason: 'nobody stopped it' };
const idOf = (path: string): number => Number(/chk-(\d+)$/.exec(path)?.[1] ?? Number.NaN);

test('nothing is submitted before its tasks have had their time and what it leaves behind stands still', async () => {
  const it = await trial();
  await until(
    'the watch knows a checkpoint',
    async () => ((await it.client.ledger('trial'))?.[JOB]?.points.length ?? 0) > 0,
  );
  const jobManager = stack().server('jobmanager');
  const newest = idOf((await flink().checkpoints(it.run)).newest?.path ?? '');
  await jobManager.kill();

  const { haRoot, clusterId } = stack().flink.places;
  for (const tree of ['jobgraphs', 'jobs'])
    await deleteAll(stack().endpoints.zookeeper ?? '', `${haRoot}${clusterId}/${tree}/${it.run}`);
  await jobManager.start();
  await until('the next JobManager knows nothing', async () =>
    (await flink().jobs()).every(({ jid }) => jid !== it.run),
  );
  await it.alert();

  const seen = (await it.client.ledger('trial'))?.[JOB]?.runs[0]?.seen ?? 0;
  // Seen RUNNING last: a person is asked, and told that it may still be alive.
  const asking = await it.phaseIs('asking');
  expect(asking.situation?.is).toBe('vanished');
  expect(asking.question?.facts.join(), 'what speaks against a restore now').toContain(it.run);
  const top = asking.ladder[0]?.path ?? '';
  expect(idOf(top)).toBeGreaterThanOrEqual(newest);
  await it.client.approve(JOB, { ...said, question: asking.question?.id ?? '' });

  const resumed = await it.resumedFrom(top, { runs: 1 });
  // Heartbeat and session time-outs of this cluster since anybody saw it, and two looks a heartbeat apart.
  expect((resumed.restored?.submittedAt ?? 0) - seen).toBeGreaterThanOrEqual(11_000);
  const { story } = await it.client.caseFile(JOB);
  const looks = story.flatMap((e) => (e.is === 'pass' ? [e.from] : []));
  expect((resumed.restored?.submittedAt ?? 0) - (looks[0] ?? 0)).toBeGreaterThanOrEqual(6_000);
  await it.oneCase();
});
