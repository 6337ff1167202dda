import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zookeeperHaStore } from '../../adapters/zookeeper.js';
import { secret } from '../../domain/secret.js';
import { type Server, type Stack, startStack } from '../../stack/index.js';
import { type FaultyProxy, faultyProxy } from '../support/faulty-proxy.js';
import { haCases } from '../support/ha-cases.js';
import { checkpointPointer, nodeName } from '../support/ha-tree.js';
import { lineOnWhichSessionsDie, type ZooKeeperHands, zookeeperHands } from '../support/zookeeper-hands.js';

/** Milliseconds that a busy machine may add to a deadline before a test calls it late. */
const NOISE = 1_500;
const RUN = 'b'.repeat(32);
const AT = { root: '/real', clusterId: '/default' };
const NODES = `/real/default/jobs/${RUN}/checkpoints`;

let stack: Stack;
let servers: readonly string[];
let hands: ZooKeeperHands;
let members: readonly Server[];

beforeAll(async () => {
  stack = await startStack({ flink: 'none', nameNodes: 0, kafka: false, zooKeepers: 3, label: 'zk-adapter' });
  servers = stack.endpoints.zookeeper?.split(',') ?? [];
  members = [1, 2, 3].map((id) => stack.server(`zookeeper-${id}`));
  hands = await zookeeperHands(servers[0] as string);
  await hands.put(`${NODES}/${nodeName(1)}/locks`);
  await hands.put(`${NODES}/${nodeName(1)}`, checkpointPointer('hdfs://nn:8020/flink/ha/x', 700));
});
afterAll(async () => {
  hands?.close();
  await stack?.stop();
});

const call = (deadline = 6_000) => ({ signal: new AbortController().signal, deadline });
const look = (of: readonly string[] = servers, deadline?: number) =>
  zookeeperHaStore('main', { servers: of }).cluster(AT, call(deadline));
const FOUND = {
  is: 'present',
  value: { jobs: [{ run: RUN, checkpoints: [{ id: '1', handle: { value: { size: 700 } } }] }], leader: null },
};
/** The signal that stops a process takes its time on the way. */
const frozen = (server: string) =>
  expect.poll(async () => (await look([server], 300)).is, { timeout: 10_000 }).toBe('unknown');
const within = async (deadline: number, reading: Promise<unknown>) => {
  const started = performance.now();
  const found = await reading;
  expect(performance.now() - started).toBeLessThan(deadline + 100 + NOISE);
  return found;
};

describe('a healthy ensemble', () => {
  it('is read through every member', async () => {
    for (const server of servers) expect(await look([server])).toMatchObject(FOUND);
  });

  it('shows at once through one member what was written through another', async () => {
    const other = servers[2] as string;
    for (let id = 100; id < 150; id++) {
      await hands.put(`/sync/default/jobs/${RUN}/checkpoint_id_counter`, Buffer.from([0, 0, 0, id]));
      const reading = await zookeeperHaStore('main', { servers: [other] }).cluster(
        { root: '/sync', clusterId: 'default' },
        call(),
      );
      expect(reading).toMatchObject({ value: { jobs: [{ counter: id }] } });
    }
  });

  it.each(haCases)('gives what Flink wrote: $name', async (flink) => {
    for (const [znode, data] of flink.znodes) await hands.put(znode, data);
    const reading = await zookeeperHaStore('main', { servers }).cluster(flink, call());
    expect(reading).toEqual({ is: 'present', value: flink.expected });
  });

  it('says absent for a cluster that is not there, and unknown for a root that is not', async () => {
    const store = zookeeperHaStore('main', { servers });
    expect(await store.cluster({ root: '/real', clusterId: 'other' }, call())).toEqual({ is: 'absent' });
    expect(await store.cluster({ root: '/other', clusterId: 'default' }, call())).toMatchObject({
      is: 'unknown',
      because: { code: 'ConfigInvalid' },
    });
  });

  it('is denied without the digest that its nodes ask for, and read with it', async () => {
    const id = `flink:${createHash('sha1').update('flink:geheim').digest('base64')}`;
    await hands.put('/secured');
    await hands.putFor(id, '/secured/default');
    const at = { root: '/secured', clusterId: 'default' };
    const read = (digest?: string) =>
      zookeeperHaStore('main', {
        servers,
        ...(digest === undefined ? {} : { digest: secret(digest) }),
      }).cluster(at, call());
    expect(await read()).toMatchObject({ is: 'unknown', because: { code: 'AccessDenied' } });
    expect(await read('flink:falsch')).toMatchObject({ is: 'unknown', because: { code: 'AccessDenied' } });
    expect(await read('flink:geheim')).toMatchObject({ is: 'present' });
  });
});

describe('a member behind a bad line', () => {
  let proxy: FaultyProxy;
  beforeAll(async () => {
    proxy = await faultyProxy(Number((servers[1] as string).split(':')[1]));
  });
  afterAll(() => proxy?.close());

  for (const fault of [
    { is: 'refuse' },
    { is: 'reset' },
    { is: 'reset', after: 'answer' },
    { is: 'hang' },
    { is: 'mute' },
    { is: 'drip', every: 20 },
    { is: 'cut', bytes: 10, raw: true },
    { is: 'cut', bytes: 41, raw: true },
    { is: 'cut', bytes: 60, raw: true },
    { is: 'cut', bytes: 150, raw: true },
    { is: 'html', status: 200 },
  ] as const)
    it(`is unknown by the deadline: ${JSON.stringify(fault)}`, async () => {
      await proxy.set(fault);
      expect(await within(1_000, look([proxy.address], 1_000))).toMatchObject({
        is: 'unknown',
        because: { code: 'HaStoreUnavailable' },
      });
      expect(await look([proxy.address, servers[0] as string])).toMatchObject(FOUND);
      await expect.poll(() => proxy.open()).toBe(0);
      await proxy.set({ is: 'none' });
      expect(await look([proxy.address])).toMatchObject(FOUND);
    });
});

it('is unknown when each session dies under it, and read when the next one lives', async () => {
  const line = await lineOnWhichSessionsDie(servers[1] as string);
  try {
    expect(await look([line.address])).toMatchObject({
      is: 'unknown',
      because: { code: 'HaStoreUnavailable' },
    });
    expect(line.died()).toBeGreaterThan(0);
    expect(await look([line.address, servers[0] as string])).toMatchObject(FOUND);
  } finally {
    await line.close();
  }
});

describe('an ensemble that fails', () => {
  it('is read while one member is frozen, even when that one is asked first', async () => {
    const [first] = members;
    first?.pause();
    try {
      await frozen(servers[0] as string);
      expect(await look()).toMatchObject(FOUND);
      expect(await within(1_000, look([servers[0] as string], 1_000))).toMatchObject({
        is: 'unknown',
        because: { code: 'HaStoreUnavailable' },
      });
    } finally {
      first?.resume();
    }
  });

  it('is unknown by the deadline while all are frozen, and read again afterwards', async () => {
    for (const member of members) member.pause();
    try {
      await Promise.all(servers.map(frozen));
      expect(await within(2_000, look(servers, 2_000))).toMatchObject({
        is: 'unknown',
        because: { code: 'HaStoreUnavailable' },
      });
    } finally {
      for (const member of members) member.resume();
    }
    await expect.poll(async () => (await look()).is, { timeout: 30_000 }).toBe('present');
  });

  it('is read with one member killed, unknown without a quorum, and read again when it is back', async () => {
    const [one, two] = members;
    await two?.kill();
    await expect.poll(async () => (await look()).is, { timeout: 30_000 }).toBe('present');
    await one?.kill();
    // Until the last member has noticed that it is alone, it still answers reads; the sync it cannot answer.
    for (let times = 0; times < 5; times++)
      expect(await within(1_500, look(servers, 1_500))).toMatchObject({
        is: 'unknown',
        because: { code: 'HaStoreUnavailable' },
      });
    await Promise.all([one?.start(), two?.start()]);
    await expect.poll(async () => (await look()).is, { timeout: 30_000 }).toBe('present');
  });

  it('is unknown when nobody is left', async () => {
    await Promise.all(members.map((member) => member.kill()));
    const reading = await within(1_000, look(servers, 1_000));
    expect(reading).toMatchObject({
      is: 'unknown',
      because: { code: 'HaStoreUnavailable', message: expect.stringContaining('ECONNREFUSED') as string },
    });
  });
});
