/**
 * Promise 2, on the real systems: one lost job, and every way in which HDFS keeps its state from being read, one after
 * the other. An older checkpoint is sound all the time, and the policy allows it.
 */
import { expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials } from '../support/trial.js';

const { stack, flink, trial } = trials();

/** What a read may fail with; whatever it is, nothing is known. */
const UNKNOWN = new Set([
  'StorageUnavailable',
  'StorageSafeMode',
  'StorageNotWritable',
  'StorageStandby',
  'BlocksMissing',
]);

test('refused, reset, cut, hanging, safe mode, no DataNode, no NameNode: no older point is looked at, the newest is restored', async () => {
  const it = await trial({ checkpoints: 3, through: ['webhdfs'], policy: { fallback: 'checkpoint' } });
  await it.lose();
  const newest = (await flink().checkpoints(it.run)).newest?.path ?? 'none';
  const { webhdfs } = it.proxy;
  const [nameNode, dataNode] = [stack().server('namenode'), stack().server('datanode')];
  const safeMode = (is: 'enter' | 'leave') => stack().hdfs.command('dfsadmin', '-safemode', is);

  /** The fault is there, an attempt that began under it fails, and the job is as it was. */
  async function nothingIsKnown(what: string): Promise<void> {
    const { attempt } = await it.status();
    const now = await until(
      `an attempt fails although ${what}`,
      async () => {
        const status = await it.status();
        return status.failures.some((f) => f.attempt > attempt) ? status : undefined;
      },
      { within: 120_000, every: 150 },
    );
    for (const { fault } of now.failures) expect(UNKNOWN, `${what}: ${fault.message}`).toContain(fault.code);
    expect(now.ladder.map(({ verdict }) => verdict)).not.toContain('broken');
    expect(now.restored, what).toBeNull();
    expect(await it.states(), what).toEqual(['FAILED']);
  }

  await webhdfs.set({ is: 'refuse' });
  await it.alert();
  await nothingIsKnown('connections are refused');
  await webhdfs.set({ is: 'reset' });
  await nothingIsKnown('connections are reset');
  await webhdfs.set({ is: 'cut', bytes: 5 });
  await nothingIsKnown('answers are cut');
  await webhdfs.set({ is: 'html', status: 404 });
  await nothingIsKnown('somebody else answers "not found"');
  await webhdfs.set({ is: 'hang' });
  await nothingIsKnown('answers never come');

  await safeMode('enter');
  await webhdfs.set({ is: 'none' });
  await nothingIsKnown('the NameNode is in safe mode');
  await dataNode.kill();
  await safeMode('leave');
  await nothingIsKnown('no DataNode serves a block');
  nameNode.pause();
  await dataNode.start({ wait: false });
  await nothingIsKnown('the NameNode hangs');
  await nameNode.kill();
  await nothingIsKnown('the NameNode is dead');

  await nameNode.start();
  const resumed = await it.resumedFrom(newest);
  expect(resumed.ladder.map(({ verdict }) => verdict)).not.toContain('broken');
}, 600_000);
