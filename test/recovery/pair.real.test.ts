/** An HA pair of NameNodes: nobody active, a failover in the middle of a read, and an old active that comes back. */
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';

const { stack, trial } = trials({ nameNodes: 2 });

const newestOf = async (it: Trial): Promise<string> =>
  (await it.flink.checkpoints(it.run)).newest?.path ?? 'none';
const admin = (...args: readonly string[]) => stack().hdfs.command('haadmin', ...args);

/** Whichever is active after an earlier test: now it is the first. */
async function firstIsActive(): Promise<void> {
  if ((await admin('-getServiceState', 'nn1')).includes('active')) return;
  await admin('-transitionToStandby', 'nn2');
  await admin('-transitionToActive', 'nn1');
  await stack().nameNodeUsable();
}

describe('an HA pair', () => {
  test('fails over in the middle of a read of the state: read again from the other one, and restored', async () => {
    await firstIsActive();
    const it = await trial({ through: ['webhdfs'] });
    await it.lose();
    const point = await newestOf(it);
    await it.proxy.webhdfs.set({ is: 'hold' }, /op=OPEN/i);
    await it.alert();
    await until('the state is being read', () =>
      it.proxy.webhdfs.received().some((text) => /_metadata[^ ]*op=OPEN/i.test(text)),
    );
    await stack().server('namenode-1').kill();
    await admin('-transitionToActive', '--forceactive', 'nn2');
    await it.proxy.webhdfs.set({ is: 'none' });
    await it.resumedFrom(point);
  });

  test('has no active member: standby is not an answer; restored when one becomes active', async () => {
    await firstIsActive();
    const it = await trial();
    await it.lose();
    const point = await newestOf(it);
    await admin('-transitionToStandby', 'nn1');
    await it.alert();
    await it.failedWith('StorageStandby');
    expect(await it.states()).toEqual(['FAILED']);
    await admin('-transitionToActive', 'nn2');
    await it.resumedFrom(point);
  });

  test('has an old active that wakes up and still believes in itself: two actives are unknown, never an answer', async () => {
    await firstIsActive();
    const it = await trial({ checkpoints: 3, policy: { fallback: 'checkpoint' } });
    await it.lose();
    const point = await newestOf(it);
    const old = stack().server('namenode-1');
    old.pause();
    await admin('-transitionToActive', '--forceactive', 'nn2');
    // What only the new one knows: to the old one this file is still there.
    old.resume();
    await it.alert();
    await until('an attempt failed or the job is proved', async () => {
      const { failures, phase } = await it.status();
      return (failures.length > 0 || phase === 'resumed') && true;
    });
    for (const { fault } of (await it.status()).failures)
      expect(['StorageStandby', 'StorageUnavailable', 'StorageNotWritable']).toContain(fault.code);
    await old.kill();
    const resumed = await it.resumedFrom(point);
    expect(resumed.ladder.filter(({ verdict }) => verdict === 'broken')).toEqual([]);
  });
});
