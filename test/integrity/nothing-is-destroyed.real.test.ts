/**
 * Promise 3, on the real systems: every file of HDFS and every node of ZooKeeper that was there before a recovery is
 * there after it, as it was, also when Flink has long subsumed the checkpoints of the run that was restored.
 */
import { expect, test } from 'vitest';
import { committedOffsets, until } from '../../stack/index.js';
import { trials, type Trial } from '../support/trial.js';
import { everyNode } from '../support/zk-cli.js';

const { stack, flink, trial } = trials();

/** Every file below the directory, with its length and when it was written. */
async function filesBelow(directory: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { pathSuffix, type, length, modificationTime } of (await stack().hdfs.files.list(directory)) ??
    []) {
    const path = `${directory}/${pathSuffix}`;
    if (type === 'FILE') found.set(path, `${length} bytes, written ${modificationTime}`);
    else for (const [name, is] of await filesBelow(path)) found.set(name, is);
  }
  return found;
}

const nodes = (): Promise<readonly string[]> =>
  everyNode(stack().endpoints.zookeeper ?? '', stack().flink.places.haRoot);

test.each([
  ['the newest point is restored', null],
  ['the newest point is broken, and an older one is restored', 'a state file'],
] as const)(
  '%s: what was there is there as it was, and only known things were written',
  async (_what, lost) => {
    const it = await trial({ checkpoints: 3, policy: { fallback: 'checkpoint' } });
    await it.lose();
    // It tidies up after a run has failed: what it removes then was not removed by us.
    await until('Flink has tidied up', async () =>
      (await nodes()).every(
        (node) => !node.includes(`/jobs/${it.run}`) && !node.includes(`/jobgraphs/${it.run}`),
      ),
    );
    const [newest, older] = await newestTwo(it);
    if (lost !== null) {
      const state = [...(await filesBelow(newest)).keys()].find((path) => !path.endsWith('/_metadata'));
      expect(await stack().hdfs.files.remove(state ?? '')).toBe(true);
    }
    const broker = stack().endpoints.kafka ?? '';
    const before = { files: await filesBelow('/flink'), nodes: await nodes() };
    const had = await committedOffsets(broker, it.group, it.topics.in);

    await it.alert();
    const resumed = await it.phaseIs('resumed');
    const run = resumed.restored?.run ?? '';
    expect(new URL(resumed.restored?.point ?? '').pathname).toBe(lost === null ? newest : older);
    // More than are retained: whatever Flink thinks it owns of the old run would be deleted by now.
    await flink().checkpointed(run, 6);

    const after = { files: await filesBelow('/flink'), nodes: await nodes() };
    expect(Object.fromEntries([...after.files].filter(([path]) => before.files.has(path)))).toEqual(
      Object.fromEntries(before.files),
    );
    const written = [...after.files.keys()].filter((path) => !before.files.has(path));
    expect(written.filter((path) => !path.includes(`/${run}/`) && !path.startsWith(stack().scratch))).toEqual(
      [],
    );
    expect(after.nodes).toEqual(expect.arrayContaining([...before.nodes]));
    expect(after.nodes.filter((node) => !before.nodes.includes(node) && !node.includes(run))).toEqual([]);
    const { groupOffsets } = resumed;
    expect(groupOffsets).toMatchObject({ group: it.group, left: null });
    const undo = [...had].map(([partition, offset]) => `${it.topics.in}/${partition}=${offset}`);
    expect(undo, 'what the group had').toEqual(expect.arrayContaining([...(groupOffsets?.before ?? [])]));
    await it.countsAreRight();
  },
);

/** Directories of the newest completed checkpoint, and of the one before. */
async function newestTwo({ run }: Trial): Promise<readonly [string, string]> {
  const { newest } = await flink().checkpoints(run);
  if (newest === undefined) throw new Error('no checkpoint has completed');
  const path = new URL(newest.path).pathname;
  return [path, path.replace(/chk-\d+$/, `chk-${newest.id - 1}`)];
}
