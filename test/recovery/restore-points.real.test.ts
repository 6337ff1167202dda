/** Restore points that are damaged, on the real systems: what is proved broken, what is only unknown, what is asked. */
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';

const pathOf = (uri: string): string => new URL(uri).pathname;

/** The newest completed checkpoint, and the one before. */
async function newestTwo({ flink, run }: Trial): Promise<readonly [string, string]> {
  const { newest } = await flink.checkpoints(run);
  if (newest === undefined) throw new Error('no checkpoint has completed');
  return [newest.path, newest.path.replace(/chk-\d+$/, `chk-${newest.id - 1}`)];
}

describe.each(['1.20', '2.2'] as const)('on Flink %s', (version) => {
  const { stack, flink, trial } = trials({ flink: version });

  test('a state file of the newest checkpoint is gone: proved, the older one offered, nothing submitted before the approval', async () => {
    const it = await trial({ checkpoints: 3 });
    await it.lose();
    const [newest, older] = await newestTwo(it);
    const names = ((await stack().hdfs.files.list(pathOf(newest))) ?? []).map(({ pathSuffix }) => pathSuffix);
    const state = names.find((name) => name !== '_metadata');
    expect(state, 'a state file beside _metadata').toBeDefined();
    await stack().hdfs.files.remove(`${pathOf(newest)}/${state}`);
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'StateMissing' });
    expect(asking.question).toMatchObject({ about: 'fallback', approves: `restore ${older}` });
    expect(asking.ladder.slice(0, 2)).toMatchObject([
      { path: newest, verdict: 'broken' },
      { path: older, verdict: 'sound' },
    ]);
    expect(await it.states()).toEqual(['FAILED']);
    await it.client.approve('window-counts', {
      ...{ by: 'test', reason: 'the file is lost', question: asking.question?.id ?? '' },
    });
    await it.resumedFrom(older);
  });

  test('the metadata of the newest checkpoint is cut: goes down one, because the policy says so', async () => {
    const it = await trial({ checkpoints: 3, policy: { fallback: 'checkpoint' } });
    await it.lose();
    const [newest, older] = await newestTwo(it);
    const metadata = `${pathOf(newest)}/_metadata`;
    const bytes = await stack().hdfs.files.read(metadata);
    await stack().hdfs.files.write(metadata, bytes.subarray(0, bytes.length / 2));
    await it.alert();
    const resumed = await it.resumedFrom(older);
    expect(resumed.ladder[0]).toMatchObject({ path: newest, verdict: 'broken' });
    expect(resumed.failures).toEqual([]);
  });

  // The main ones above on both versions, the rest on one.
  if (version !== '1.20') return;

  test('a shared file is gone, and with it every checkpoint: takes the savepoint, because the policy says so', async () => {
    const it = await trial({ checkpoints: 3, policy: { fallback: 'savepoint' } });
    const savepoint = await savepointOf(it);
    await flink().checkpointed(it.run, (await flink().checkpoints(it.run)).completed + 2);
    await it.lose();
    const [newest] = await newestTwo(it);
    const shared = pathOf(newest).replace(/chk-\d+$/, 'shared');
    for (const { pathSuffix } of (await stack().hdfs.files.list(shared)) ?? [])
      await stack().hdfs.files.remove(`${shared}/${pathSuffix}`);
    await it.alert();
    const resumed = await it.resumedFrom(savepoint);
    expect(resumed.ladder[0]).toMatchObject({ path: newest, verdict: 'broken' });
  });

  test('the blocks of the newest checkpoint are on no disk: unknown, never a lower rung; restored when they are back', async () => {
    const it = await trial({ checkpoints: 3, policy: { fallback: 'checkpoint' } });
    await it.lose();
    const [newest] = await newestTwo(it);
    const metadata = `${pathOf(newest)}/_metadata`;
    const kept = join(stack().folder, 'kept');
    await mkdir(kept, { recursive: true });
    const blocks = await stack().hdfs.blockFiles(metadata);
    for (const block of blocks) await copyFile(block, join(kept, basename(block)));
    await stack().hdfs.loseBlocks(metadata);
    await it.alert();
    await it.failedWith('BlocksMissing', 'StorageUnavailable');
    await until('three attempts failed', async () => (await it.status()).failures.length >= 3);
    expect(await it.states()).toEqual(['FAILED']);
    const dataNode = stack().server('datanode');
    await dataNode.kill();
    for (const block of blocks) await copyFile(join(kept, basename(block)), block);
    await dataNode.start();
    const resumed = await it.resumedFrom(newest);
    expect(resumed.ladder.every(({ verdict }) => verdict !== 'broken')).toBe(true);
  });

  test('the program no longer fits the state: Flink refuses, Holdfast asks and leaves no run', async () => {
    const it = await trial({ launchArgs: { 'total-uid': 'renamed' }, policy: { fallback: 'checkpoint' } });
    await it.lose();
    await it.alert();
    const asking = await it.phaseIs('asking');
    expect(asking.because).toMatchObject({ code: 'StateIncompatible' });
    expect(await it.states()).toEqual(['FAILED', 'FAILED']);
    expect(asking.failures).toEqual([]);
  });

  test('every checkpoint is gone from a healthy HDFS: stops with what was known, submits nothing', async () => {
    const it = await trial({ policy: { fallback: 'checkpoint' } });
    await it.lose();
    const [newest] = await newestTwo(it);
    await stack().hdfs.files.remove(pathOf(newest).replace(/\/chk-\d+$/, ''));
    await it.alert();
    const now = await until('the case stops', async () => {
      const status = await it.status();
      return ['asking', 'aborted'].includes(status.phase) ? status : undefined;
    });
    expect(['StateMissing', 'StateLost']).toContain(now.because?.code);
    expect(now.because?.message ?? '').not.toBe('');
    expect(now.ladder.find(({ path }) => path === newest)?.verdict).toBe('broken');
    expect(await it.states()).toEqual(['FAILED']);
  });
});

/** Asks Flink for a savepoint and returns its path. */
async function savepointOf({ flink, run }: Trial): Promise<string> {
  const response = await fetch(`${flink.base}/jobs/${run}/savepoints`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { 'request-id': id } = (await response.json()) as { readonly 'request-id': string };
  return until('the savepoint is complete', async () => {
    const answer = (await flink.get(`/jobs/${run}/savepoints/${id}`)) as {
      readonly operation?: { readonly location?: string };
    };
    return answer.operation?.location;
  });
}
