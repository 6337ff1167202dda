/** HDFS dies, hangs, refuses or loses its DataNode, while a job is lost or while it is being restored. On the real systems. */
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';

const { stack, trial } = trials();

const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';

const safeMode = (is: 'enter' | 'leave') => stack().hdfs.command('dfsadmin', '-safemode', is);

/** Restarts for ever, with short waits: Flink's default strategy, hurried. */
const EXPONENTIAL = {
  'restart-strategy.type': 'exponential-delay',
  'restart-strategy.exponential-delay.initial-backoff': '500 ms',
  'restart-strategy.exponential-delay.max-backoff': '2 s',
};

describe('the job is lost, and HDFS cannot be used', () => {
  test('safe mode: Flink gives up at the first checkpoint; Holdfast waits, and restores when it is left', async () => {
    const it = await trial();
    await safeMode('enter');
    try {
      await it.flink.reaches(it.run, 'FAILED');
      await it.alert();
      await it.failedWith('StorageSafeMode');
      expect(await it.states()).toEqual(['FAILED']);
    } finally {
      await safeMode('leave');
    }
    await it.resumedFrom(await newestOf(it));
  });

  test('the NameNode hangs without dying: every look is bounded, nothing is submitted, restored when it goes on', async () => {
    const it = await trial();
    await it.lose();
    const nameNode = stack().server('namenode');
    nameNode.pause();
    await it.alert();
    await it.failedWith('StorageUnavailable');
    expect(await it.states()).toEqual(['FAILED']);
    nameNode.resume();
    await it.resumedFrom(await newestOf(it));
  });

  test('reads work and writes do not: a restored job could not complete a checkpoint, so it waits', async () => {
    const it = await trial();
    await it.lose();
    await stack().hdfs.command('dfsadmin', '-setSpaceQuota', '1', '/flink/holdfast');
    try {
      await it.alert();
      await it.failedWith('StorageNotWritable');
      expect(await it.states()).toEqual(['FAILED']);
    } finally {
      await stack().hdfs.command('dfsadmin', '-clrSpaceQuota', '/flink/holdfast');
    }
    await it.resumedFrom(await newestOf(it));
  });

  test('the DataNode is dead and has the state: unknown, never a lower rung, restored when it is back', async () => {
    const it = await trial({ checkpoints: 3, policy: { fallback: 'checkpoint' } });
    await it.lose();
    const dataNode = stack().server('datanode');
    await dataNode.kill();
    await it.alert();
    await until('two attempts failed', async () => (await it.status()).failures.length >= 2);
    expect(await it.states()).toEqual(['FAILED']);
    await dataNode.start();
    const resumed = await it.resumedFrom(await newestOf(it));
    expect(resumed.ladder.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
    for (const { fault } of resumed.failures)
      expect(['BlocksMissing', 'StorageNotWritable', 'StorageUnavailable']).toContain(fault.code);
  });
});

describe('HDFS fails in the middle of a recovery', () => {
  test('the NameNode dies while the restore is being proved: that run is over, the next one is proved', async () => {
    const it = await trial();
    await it.lose();
    await it.alert();
    const { restored } = await it.phaseIs('confirming');
    await it.flink.running(restored?.run ?? '');
    const nameNode = stack().server('namenode');
    await nameNode.kill();
    await until('an attempt failed', async () => (await it.status()).failures.length > 0);
    await nameNode.start();
    const resumed = await it.phaseIs('resumed');
    expect(resumed.restored?.run).not.toBe(restored?.run);
    expect((await it.states()).filter((state) => state === 'RUNNING')).toHaveLength(1);
    await it.countsAreRight();
  });

  test('the answer to a read of the metadata is cut: unknown, and read again', async () => {
    const it = await trial({ through: ['webhdfs'] });
    await it.lose();
    await it.proxy.webhdfs.set({ is: 'cut', bytes: 5 }, /op=LISTSTATUS/i);
    await it.alert();
    await it.failedWith('StorageUnavailable');
    await it.proxy.webhdfs.set({ is: 'none' });
    await it.resumedFrom(await newestOf(it));
  });
});

describe('Flink survives the outage by itself', () => {
  test('it restarts for ever: Holdfast watches, submits nothing, and ends healthy after the return', async () => {
    const it = await trial({ flinkConfiguration: EXPONENTIAL });
    const nameNode = stack().server('namenode');
    await nameNode.kill();
    await it.flink.reaches(it.run, 'RESTARTING');
    await it.alert();
    await it.phaseIs('watching');
    await nameNode.start();
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['RUNNING']);
    await it.countsAreRight();
  });

  test('it tolerates failed checkpoints: the job runs on; not believed healthy before the next one completes', async () => {
    const it = await trial({
      flinkConfiguration: { 'execution.checkpointing.tolerable-failed-checkpoints': '1000' },
    });
    const nameNode = stack().server('namenode');
    await nameNode.kill();
    await until('a checkpoint failed', async () => (await it.flink.checkpoints(it.run)).failed > 0);
    await it.alert();
    const watching = await it.phaseIs('watching');
    expect(watching.situation?.is).toBe('flink-recovering');
    await nameNode.start();
    expect(await it.ended()).toMatchObject({ outcome: 'healthy', restored: null });
    expect(await it.states()).toEqual(['RUNNING']);
    await it.countsAreRight();
  });
});
