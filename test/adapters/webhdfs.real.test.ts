import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { FileStatus, Storage } from '../../adapters/ports.js';
import { webhdfsStorage } from '../../adapters/webhdfs.js';
import { type FailureCode, faultOf } from '../../domain/failure.js';
import type { Reading } from '../../domain/reading.js';
import { startStack, type Stack, until } from '../../stack/index.js';

/** Milliseconds a call may last beyond its deadline: 100 by contract, and what a busy machine adds. */
const LATE = 1500;

/** Real NameNodes, one pair and one DataNode for all tests: each leaves the pair as it found it, nn1 active. */
describe('WebHDFS on a real pair of NameNodes', () => {
  let stack: Stack;
  let storage: Storage;
  const bytes = randomBytes(300_000);

  beforeAll(async () => {
    stack = await startStack({ label: 'webhdfs', flink: 'none', kafka: false, zooKeepers: 0, nameNodes: 2 });
    storage = open();
    await stack.hdfs.files.write('/flink/cp/chk-1/_metadata', bytes);
    await stack.hdfs.files.setOwner('/flink/cp', 'flink');
  });
  afterAll(() => stack?.stop());

  const open = (webhdfs: readonly string[] = stack.endpoints.webhdfs): Storage =>
    webhdfsStorage('real', {
      kind: 'webhdfs',
      webhdfs,
      nameservice: new URL(stack.endpoints.hdfsUri ?? '').host,
      authorities: [],
      user: 'flink',
      allow: ['/flink'],
      scratch: stack.scratch,
      redirectHosts: [],
    });

  const call = (deadline = 20_000) => ({ signal: new AbortController().signal, deadline });
  const uri = (path: string): string => `${stack.endpoints.hdfsUri ?? ''}${path}`;
  const METADATA = '/flink/cp/chk-1/_metadata';
  const all = { offset: 0, length: bytes.length };

  const codeOf = (reading: Reading<unknown>): string =>
    reading.is === 'unknown' ? reading.because.code : reading.is;
  const proofOf = (deadline?: number): Promise<string> =>
    storage.proveUsable(call(deadline)).then(
      () => 'usable',
      (error: unknown) => faultOf(error).code,
    );
  const proved = (wanted: FailureCode | 'usable') =>
    until(`the proof says ${wanted}`, async () => (await proofOf()) === wanted, { within: 60_000 });

  async function inTime<T>(deadline: number, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    expect(performance.now() - start).toBeLessThan(deadline + LATE);
    return result;
  }

  it('proves it usable, reads, lists, and says absent only with a control', async () => {
    const { identity, endpoint } = await storage.proveUsable(call());
    expect(`http://${endpoint}`).toBe(stack.endpoints.webhdfs[0]);
    expect((await storage.proveUsable(call())).identity).toBe(identity);
    const read = await storage.read(uri(METADATA), all, call());
    expect(read.is === 'present' && Buffer.compare(read.value, bytes)).toBe(0);
    expect(await storage.list(uri(stack.scratch), () => undefined, call())).toEqual({
      is: 'present',
      value: { entries: 0 },
    });
    expect(await storage.stat(uri('/flink/cp/chk-2/_metadata'), call())).toEqual({ is: 'absent' });
    expect(await storage.stat(uri(`${METADATA}/x`), call())).toEqual({ is: 'absent' });
    expect(await storage.list(uri(METADATA), () => undefined, call())).toEqual({ is: 'absent' });
    expect(await storage.read(uri('/flink/cp'), { offset: 0, length: 9 }, call())).toEqual({ is: 'absent' });
    expect(await storage.blocks(uri('/flink/cp'), call())).toEqual({
      is: 'present',
      value: { healthy: true, missingFiles: [], corruptFiles: [] },
    });
  });

  it('sets a file aside, never onto or into something that exists', async () => {
    for (const name of ['a', 'b']) await stack.hdfs.files.write(`/flink/cp/aside/${name}`, name);
    await stack.hdfs.files.makeDirectory('/flink/cp/aside/dir');
    await stack.hdfs.files.setOwner('/flink/cp/aside', 'flink');
    const from = uri('/flink/cp/aside/a');
    for (const taken of ['b', 'dir'])
      await expect(storage.setAside(from, uri(`/flink/cp/aside/${taken}`), call())).rejects.toThrow('exists');
    await storage.setAside(from, uri('/flink/cp/aside/a.aside'), call());
    expect(await storage.stat(from, call())).toEqual({ is: 'absent' });
    expect((await stack.hdfs.files.read('/flink/cp/aside/a.aside')).toString()).toBe('a');
  });

  it('answers a look as another user with denied', async () => {
    await stack.hdfs.files.makeDirectory('/flink/private');
    await stack.hdfs.files.setPermission('/flink/private', '700');
    expect(codeOf(await storage.list(uri('/flink/private'), () => undefined, call()))).toBe('AccessDenied');
    expect(codeOf(await storage.stat(uri('/flink/private/x'), call()))).toBe('AccessDenied');
    // fsck is denied too, but the NameNode misses no block at all.
    expect(codeOf(await storage.blocks(uri('/flink/private'), call()))).toBe('present');
    await stack.hdfs.files.setPermission('/flink/private', '755');
  });

  it('in manual safe mode reads, and is not usable', async () => {
    await stack.hdfs.command('dfsadmin', '-safemode', 'enter');
    expect(await proofOf()).toBe('StorageSafeMode');
    expect((await storage.stat(uri(METADATA), call())).is).toBe('present');
    expect((await storage.read(uri(METADATA), all, call())).is).toBe('present');
    const aside = storage.setAside(uri('/flink/cp/aside/b'), uri('/flink/cp/aside/b.aside'), call());
    await expect(aside).rejects.toMatchObject({ fault: { code: 'StorageSafeMode' } });
    await stack.hdfs.command('dfsadmin', '-safemode', 'leave');
    await proved('usable');
  });

  it('never gives a damaged or lost block out as an empty file', async () => {
    for (const name of ['damaged', 'lost']) await stack.hdfs.files.write(`/flink/blocks/${name}`, bytes);
    await stack.hdfs.corruptBlocks('/flink/blocks/damaged');
    await stack.hdfs.loseBlocks('/flink/blocks/lost');
    const readings = await Promise.all([
      storage.read(uri('/flink/blocks/damaged'), all, call(45_000)),
      storage.read(uri('/flink/blocks/lost'), all, call(45_000)),
      // Long before the DataNode has given up looking for the block.
      inTime(1000, () => storage.read(uri('/flink/blocks/lost'), all, call(1000))),
    ]);
    for (const reading of readings)
      expect(['BlocksMissing', 'StorageUnavailable']).toContain(codeOf(reading));
    expect(codeOf(readings[1])).toBe('BlocksMissing');
    const health = () => storage.blocks(uri('/flink/blocks'), call());
    await until(
      'fsck knows both',
      async () => {
        const reading = await health();
        return (
          reading.is === 'present' &&
          !reading.value.healthy &&
          reading.value.missingFiles.length + reading.value.corruptFiles.length === 2
        );
      },
      { within: 60_000 },
    );
    expect((await storage.blocks(uri('/flink/cp'), call())).is).toBe('present');
    expect((await storage.list(uri('/flink/blocks'), () => undefined, call())).is).toBe('present');
    await stack.hdfs.files.remove('/flink/blocks');
  });

  it('with a frozen DataNode ends reads and proofs in time', async () => {
    const node = stack.server('datanode');
    node.pause();
    try {
      const readable = async () => (await storage.read(uri(METADATA), all, call(1500))).is === 'present';
      await until('it is frozen', async () => !(await readable()));
      const read = await inTime(1500, () => storage.read(uri(METADATA), all, call(1500)));
      expect(['BlocksMissing', 'StorageUnavailable']).toContain(codeOf(read));
      expect(['StorageNotWritable', 'StorageUnavailable']).toContain(await inTime(1500, () => proofOf(1500)));
      expect((await storage.stat(uri(METADATA), call())).is).toBe('present');
    } finally {
      node.resume();
    }
    await proved('usable');
  });

  it('with a dead DataNode lists, does not read, and is not usable', async () => {
    const node = stack.server('datanode');
    await node.kill();
    expect(codeOf(await storage.read(uri(METADATA), all, call()))).toBe('BlocksMissing');
    expect(await proofOf()).toBe('StorageNotWritable');
    expect((await storage.list(uri('/flink/cp'), () => undefined, call())).is).toBe('present');
    await node.start();
    await proved('usable');
  });

  it('lists on through a failover away from a frozen NameNode, and doubts it when it comes back', async () => {
    const [first, second] = [stack.server('namenode-1'), stack.server('namenode-2')];
    const names = Array.from({ length: 2500 }, (_, n) => `f${String(n).padStart(5, '0')}`);
    await Promise.all(
      Array.from({ length: 8 }, async (_, lane) => {
        for (let n = lane; n < names.length; n += 8)
          await stack.hdfs.files.makeDirectory(`/flink/huge/${names[n] ?? ''}`);
      }),
    );
    const before = (await storage.proveUsable(call())).identity;

    const seen: string[] = [];
    let failover: Promise<unknown> = Promise.resolve();
    const onPage = (page: readonly FileStatus[]) => {
      if (seen.length === 0) {
        first.pause();
        failover = stack.hdfs.command('haadmin', '-transitionToActive', '--forceactive', 'nn2');
      }
      seen.push(...page.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)));
    };
    const listing = storage.list(uri('/flink/huge'), onPage, call(60_000));
    try {
      const listed = await listing;
      await failover;
      expect(listed).toEqual({ is: 'present', value: { entries: names.length } });
      expect(seen).toEqual(names);
      // No proof is tried here: DataNodes would ask the frozen one, and the write would end it when it wakes.
    } finally {
      first.resume();
    }

    await first.ready();
    // The fenced one still calls itself active, and does not know what was written since.
    await stack.hdfs.nameNodes[1]?.ready();
    const since = '/flink/cp/since-the-failover';
    await webhdfsOf(1).makeDirectory(since);
    const fresh = open();
    expect(codeOf(await fresh.stat(uri(since), call()))).not.toBe('absent');
    expect(await proofOf()).toBe('StorageStandby');
    expect(codeOf(await fresh.stat(uri('/flink/cp/nowhere'), call()))).toBe('StorageStandby');

    await first.kill();
    const after = await storage.proveUsable(call());
    expect(after.identity).not.toBe(before);
    expect((await storage.stat(uri(since), call())).is).toBe('present');
    await first.start();
    await stack.hdfs.command('haadmin', '-transitionToStandby', 'nn2');
    expect(await proofOf()).toBe('StorageStandby');
    expect(codeOf(await storage.stat(uri('/flink/cp/nowhere'), call()))).toBe('StorageStandby');
    expect(codeOf(await storage.read(uri(METADATA), all, call()))).toBe('StorageStandby');
    await stack.hdfs.command('haadmin', '-transitionToActive', 'nn1');
    await proved('usable');
    expect((await storage.read(uri(METADATA), all, call())).is).toBe('present');
    expect(second.state).toBe('running');
  });

  it('is unavailable while both NameNodes are dead or frozen, in time', async () => {
    for (const name of ['namenode-1', 'namenode-2']) stack.server(name).pause();
    const found = async () => (await storage.stat(uri(METADATA), call(1000))).is === 'present';
    await until('both are frozen', async () => !(await found()));
    expect(codeOf(await inTime(1000, () => storage.stat(uri(METADATA), call(1000))))).toBe(
      'StorageUnavailable',
    );
    expect(await inTime(1000, () => proofOf(1000))).toBe('StorageUnavailable');
    for (const name of ['namenode-1', 'namenode-2']) stack.server(name).resume();
    await proved('usable');

    await Promise.all(['namenode-1', 'namenode-2'].map((name) => stack.server(name).kill()));
    expect(codeOf(await storage.stat(uri(METADATA), call()))).toBe('StorageUnavailable');
    expect(codeOf(await storage.stat(uri('/flink/cp/nowhere'), call()))).toBe('StorageUnavailable');
    expect(await proofOf()).toBe('StorageUnavailable');
  });

  it('in start-up safe mode is not usable until its DataNode has reported', async () => {
    await stack.server('datanode').kill();
    await Promise.all(['namenode-1', 'namenode-2'].map((name) => stack.server(name).start()));
    expect(await proofOf()).toBe('StorageStandby');
    await stack.hdfs.command('haadmin', '-transitionToActive', 'nn1');
    expect(await proofOf()).toBe('StorageSafeMode');
    expect((await storage.stat(uri(METADATA), call())).is).toBe('present');
    expect(['StorageSafeMode', 'BlocksMissing']).toContain(
      codeOf(await storage.read(uri(METADATA), all, call())),
    );
    expect(codeOf(await storage.blocks(uri('/flink/cp'), call()))).toBe('StorageSafeMode');
    await stack.server('datanode').start();
    await proved('usable');
    const read = await storage.read(uri(METADATA), all, call());
    expect(read.is === 'present' && Buffer.compare(read.value, bytes)).toBe(0);
  });

  const webhdfsOf = (index: number) => ({
    async makeDirectory(path: string): Promise<void> {
      const url = `${stack.endpoints.webhdfs[index] ?? ''}/webhdfs/v1${path}?op=MKDIRS&user.name=flink`;
      const answer = await fetch(url, { method: 'PUT' });
      expect(await answer.json()).toEqual({ boolean: true });
    },
  });
});
