import { readFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkWindows,
  committedOffsets,
  createTopics,
  flinkRest,
  jobJar,
  startEvents,
  startStack,
  until,
  type FlinkRest,
  type Stack,
} from '../../stack/index.js';

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Flink 1.20 as in the incident: HA data beside the HDFS that fails. */
describe('the whole stack on Flink 1.20', () => {
  let stack: Stack;
  let rest: FlinkRest;
  let broker: string;

  beforeAll(async () => {
    stack = await startStack({
      label: 'test',
      flinkSettings: { haStorage: 'file', checkpointInterval: '1s' },
    });
    rest = flinkRest(stack.endpoints.flinkRest ?? '');
    broker = stack.endpoints.kafka ?? '';
  });
  afterAll(() => stack?.stop());

  const run = async (more: Record<string, string>, savepointPath?: string): Promise<string> => {
    const args = { brokers: broker, in: 'events', parallelism: '2', ...more };
    const id = await rest.submit({
      jar: jobJar('1.20'),
      args,
      ...(savepointPath === undefined ? {} : { savepointPath }),
    });
    await rest.running(id);
    return id;
  };

  it('stays below 2 GiB', () => {
    const pids = [stack.wardenPid, ...stack.servers.map(({ pid }) => pid ?? 0)];
    expect(pids).toHaveLength(7);
    expect(pids.map(residentMiB).reduce((sum, one) => sum + one)).toBeLessThan(2048);
  });

  it('gives Flink its directory in HDFS, and Holdfast its scratch directory', async () => {
    expect(await stack.hdfs.files.stat('/flink')).toMatchObject({ owner: 'flink', type: 'DIRECTORY' });
    expect(await stack.hdfs.files.stat(stack.scratch)).toMatchObject({ owner: 'flink', type: 'DIRECTORY' });
  });

  it('counts every window right when a job is restored, and finds the wrong ones when it starts blank', async () => {
    await createTopics(broker, [{ topic: 'events' }, { topic: 'restored' }, { topic: 'blank' }]);
    const events = await startEvents({ broker, topics: ['events'], rate: 600 });
    const restored = { out: 'restored', group: 'restored', name: 'counts, restored' };
    const blank = { out: 'blank', group: 'blank', name: 'counts, blank' };

    const lives = await Promise.all([run(restored), run(blank)]);
    // Beyond the first window, so that a blank start has totals to lose.
    await until('two windows are in the sink', () => events.sent() > 1100, { within: 20_000 });
    const points = await Promise.all(
      lives.map(async (id) => rest.checkpointed(id, (await rest.checkpoints(id)).completed + 2)),
    );
    // The offsets of a completed checkpoint are committed after it; a run that ends first commits none.
    await until('the offsets are committed', async () => {
      const committed = [...(await committedOffsets(broker, 'blank', 'events')).values()];
      return committed.length > 0 && committed.every((at) => at > 0);
    });
    await Promise.all(lives.map((id) => rest.cancel(id).then(() => rest.reaches(id, 'CANCELED'))));

    const again = await run(restored, points[0]?.path);
    await run(blank);
    expect((await rest.checkpoints(again)).restored).toMatchObject({
      path: points[0]?.path,
      isSavepoint: true,
    });
    expect((await rest.jobs()).map(({ name }) => name)).toContain('counts, restored');

    const count = await events.finish();
    expect(await checkWindows({ broker, topic: 'restored', events: count })).toMatchObject({
      complete: true,
      missing: 0,
      wrongCounts: 0,
      wrongTotals: 0,
      unexpected: 0,
      undercounted: 0,
    });
    const wrong = await checkWindows({ broker, topic: 'blank', events: count });
    expect(wrong.complete).toBe(true);
    expect(wrong.wrongTotals).toBeGreaterThan(0);

    const running = (await rest.jobs()).filter(({ state }) => state === 'RUNNING');
    await Promise.all(running.map(({ jid }) => rest.cancel(jid).then(() => rest.reaches(jid, 'CANCELED'))));
  });

  it('keeps the files of a killed NameNode, and of a paused one', async () => {
    const nameNode = stack.server('namenode');
    await stack.hdfs.files.write('/tmp/kept', 'still here');
    await nameNode.kill();
    expect(nameNode.state).toBe('stopped');
    await expect(stack.hdfs.files.stat('/tmp/kept')).rejects.toThrow('ECONNREFUSED');
    await nameNode.start();
    await stack.nameNodeUsable();
    expect((await stack.hdfs.files.read('/tmp/kept')).toString()).toBe('still here');

    nameNode.pause();
    await expect(stack.nameNodeUsable(3000)).rejects.toThrow('HDFS is usable: not within 3 s');
    nameNode.resume();
    await stack.nameNodeUsable();
  });

  it('makes a file unreadable without telling the NameNode', async () => {
    await stack.hdfs.files.write('/tmp/corrupt', 'right');
    await stack.hdfs.corruptBlocks('/tmp/corrupt');
    expect(await stack.hdfs.files.stat('/tmp/corrupt')).toMatchObject({ length: 5 });
    await expect(stack.hdfs.files.read('/tmp/corrupt')).rejects.toThrow();

    await stack.hdfs.files.write('/tmp/lost', 'here');
    expect(await stack.hdfs.blockFiles('/tmp/lost')).toHaveLength(1);
    await stack.hdfs.loseBlocks('/tmp/lost');
    expect(await stack.hdfs.files.stat('/tmp/lost')).toMatchObject({ length: 4 });
    expect(await stack.hdfs.blockFiles('/tmp/lost')).toHaveLength(0);
  });

  it('runs admin commands, and fails with their words', async () => {
    expect(await stack.hdfs.command('dfsadmin', '-safemode', 'get')).toContain('Safe mode is OFF');
    await expect(stack.hdfs.command('dfs', '-cat', '/no/such/file')).rejects.toThrow(
      'No such file or directory',
    );
  });

  it('leaves no process and no folder behind', async () => {
    const pids = [stack.wardenPid, ...stack.servers.map(({ pid }) => pid ?? 0)];
    expect(pids.every(isAlive)).toBe(true);
    await stack.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(stack.folder)).toBe(false);
  });
});
