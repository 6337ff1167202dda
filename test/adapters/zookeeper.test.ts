import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zookeeperHaStore } from '../../adapters/zookeeper.js';
import type { HaCluster } from '../../adapters/ports.js';
import type { Reading } from '../../domain/reading.js';
import { secret } from '../../domain/secret.js';
import {
  type FakeZooKeeper,
  type Instead,
  startFakeZooKeeper,
  type ZooKeeperRequest,
} from '../support/fake-zookeeper.js';
import { haCases } from '../support/ha-cases.js';
import { checkpointPointer, counter, leaderInformation, nodeName } from '../support/ha-tree.js';
import { expectNothingLeft } from '../support/leftovers.js';

const RUN = 'a'.repeat(32);
const AT = { root: '/flink', clusterId: '/default' };

let fake: FakeZooKeeper;
beforeEach(async () => {
  fake = await startFakeZooKeeper();
});
afterEach(() => fake.close());

const look = (deadline = 3_000, servers = [fake.address]): Promise<Reading<HaCluster>> =>
  zookeeperHaStore('main', { servers }).cluster(AT, { signal: new AbortController().signal, deadline });

describe('an HA tree written by real Flink', () => {
  it.each(haCases)('is read as Flink reads it: $name', async (flink) => {
    for (const [znode, data] of flink.znodes) fake.set(znode, data);
    const reading = await zookeeperHaStore('main', { servers: [fake.address] }).cluster(flink, {
      signal: new AbortController().signal,
    });
    expect(reading).toEqual({ is: 'present', value: flink.expected });
  });
});

it('says absent when the root is there and the cluster is not', async () => {
  fake.set('/flink');
  expect(await look()).toEqual({ is: 'absent' });
});

it('says unknown, not absent, when the root itself is missing', async () => {
  expect(await look()).toMatchObject({ is: 'unknown', because: { code: 'ConfigInvalid' } });
});

it('reads an empty cluster as no jobs and no leader', async () => {
  fake.set('/flink/default');
  expect(await look()).toEqual({ is: 'present', value: { jobs: [], leader: null } });
});

describe('the layouts of Flink 1.3 to 2.x', () => {
  const pointer = checkpointPointer('hdfs://nn:8020/flink/ha/default/completedCheckpoint0a1b2c3d4e5f', 7095);
  const handle = {
    is: 'present',
    value: { path: 'hdfs://nn:8020/flink/ha/default/completedCheckpoint0a1b2c3d4e5f', size: 7095 },
  };
  const at = (...parts: string[]) => `/flink/default/${parts.join('/')}`;
  const readJob = async () => {
    const reading = await look();
    if (reading.is !== 'present') throw new Error(`expected present, found ${JSON.stringify(reading)}`);
    return reading.value.jobs[0];
  };

  it('1.3 to 1.13: a checkpoint whose lock died with its JobManager is still good', async () => {
    fake.set(at('checkpoints', RUN, nodeName(3)), pointer);
    fake.set(at('checkpoint-counter', RUN), counter(4));
    fake.set(at('jobgraphs', RUN), pointer);
    expect(await readJob()).toEqual({
      run: RUN,
      graph: true,
      graphFile: { znode: at('jobgraphs', RUN), handle },
      counter: 4,
      checkpoints: [
        { id: '3', znode: at('checkpoints', RUN, nodeName(3)), markedForDeletion: false, handle },
      ],
    });
  });

  it('1.14: a bare checkpoint of a registered job is good', async () => {
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(3)), pointer);
    fake.set(at('running_job_registry', RUN), Buffer.from('RUNNING'));
    expect((await readJob())?.checkpoints).toMatchObject([{ id: '3', markedForDeletion: false, handle }]);
  });

  it('1.14: a lock directly below the checkpoint is no mark', async () => {
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(3)), pointer);
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(3), 'ea1edba8-1478-4734-8661-5ff9b378f9a3'));
    expect((await readJob())?.checkpoints).toMatchObject([{ markedForDeletion: false }]);
  });

  it('1.15 and later: a checkpoint without locks is marked for deletion, one with an empty locks node is not', async () => {
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(3)), pointer);
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(4)), pointer);
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(4), 'locks'));
    fake.set(at('jobs', RUN, 'checkpoint_id_counter'), counter(5));
    const job = await readJob();
    expect(job?.counter).toBe(5);
    expect(job?.checkpoints).toMatchObject([
      { id: '4', markedForDeletion: false },
      { id: '3', markedForDeletion: true },
    ]);
  });

  it('upgraded from 1.14: the bare one is marked when a newer Flink wrote beside it', async () => {
    fake.set(at('running_job_registry', RUN), Buffer.from('RUNNING'));
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(3)), pointer);
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(4)), pointer);
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(4), 'locks', 'ea1edba8-1478-4734-8661-5ff9b378f9a3'));
    expect((await readJob())?.checkpoints).toMatchObject([
      { id: '4', markedForDeletion: false },
      { id: '3', markedForDeletion: true },
    ]);
  });

  it('upgraded in place: both trees of one job are shown, the newer layout first', async () => {
    fake.set(at('checkpoints', RUN, nodeName(9)), pointer);
    fake.set(at('checkpoint-counter', RUN), counter(10));
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(12), 'locks'));
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(12)), pointer);
    fake.set(at('jobs', RUN, 'checkpoint_id_counter'), counter(13));
    const job = await readJob();
    expect(job?.counter).toBe(13);
    expect(job?.checkpoints.map(({ id }) => id)).toEqual(['12', '9']);
  });

  it('2.0 and later: an execution plan is a graph', async () => {
    fake.set(at('execution-plans', RUN), pointer);
    expect(await readJob()).toEqual({
      run: RUN,
      graph: true,
      graphFile: { znode: at('execution-plans', RUN), handle },
      checkpoints: [],
      counter: null,
    });
  });

  it('a job of which only the counter is left is still there', async () => {
    fake.set(at('jobs', RUN, 'checkpoint_id_counter'), counter(2));
    expect(await readJob()).toEqual({ run: RUN, graph: false, checkpoints: [], counter: 2 });
  });

  it('a job of which only an unreadable counter is left is still there', async () => {
    fake.set(at('checkpoint-counter', RUN), Buffer.from('seven'));
    expect(await readJob()).toEqual({ run: RUN, graph: false, checkpoints: [], counter: null });
  });

  it('what a crashed leader of a job leaves behind is no HA data', async () => {
    fake.set(at('jobs', RUN, 'leader', 'connection_info'));
    fake.set(at('leader', `job-${RUN}`, 'connection_info'));
    expect(await look()).toEqual({ is: 'present', value: { jobs: [], leader: null } });
  });

  it('orders checkpoints by number, newest first, and passes over names that are no ids', async () => {
    for (const id of [8, 10, 9]) {
      fake.set(at('jobs', RUN, 'checkpoints', nodeName(id)), pointer);
      fake.set(at('jobs', RUN, 'checkpoints', nodeName(id), 'locks'));
    }
    fake.set(at('jobs', RUN, 'checkpoints', 'something-else'));
    fake.set(at('jobs', 'not-a-job', 'checkpoints', nodeName(1)));
    expect((await readJob())?.checkpoints.map(({ id }) => id)).toEqual(['10', '9', '8']);
  });

  it('a pointer that cannot be read is an unknown of its own and hides nothing else', async () => {
    const broken = at('jobs', RUN, 'checkpoints', nodeName(2));
    fake.set(broken, Buffer.from('not a Java stream'));
    fake.set(at('jobs', RUN, 'checkpoints', nodeName(1)), pointer);
    expect((await readJob())?.checkpoints).toMatchObject([
      { id: '2', handle: { is: 'unknown', because: { code: 'StateCorrupt', where: broken } } },
      { id: '1', handle },
    ]);
  });

  for (const node of ['leader/rest_server/connection_info', 'leader/rest_server_lock'])
    it(`finds the leading JobManager in ${node}`, async () => {
      fake.set(at(node), leaderInformation('http://jm-1:8081'));
      expect(await look()).toMatchObject({ value: { leader: 'http://jm-1:8081' } });
    });

  it('says unknown, not "nobody leads", when the leader node holds something else', async () => {
    fake.set(at('leader/rest_server/connection_info'), Buffer.from('something else'));
    expect(await look()).toMatchObject({ is: 'unknown', because: { code: 'Unclassified' } });
  });

  it('joins root and cluster id as Flink does, whatever slashes they have', async () => {
    fake.set('/a/b/c/d/jobgraphs');
    const reading = await zookeeperHaStore('main', { servers: [fake.address] }).cluster(
      { root: '/a/b/', clusterId: 'c/d/' },
      { signal: new AbortController().signal },
    );
    expect(reading.is).toBe('present');
  });
});

describe('a tree that changes while it is read', () => {
  const checkpoints = `/flink/default/jobs/${RUN}/checkpoints`;
  const add = (id: number) => {
    fake.set(`${checkpoints}/${nodeName(id)}`, checkpointPointer('hdfs://nn:8020/ha', 1));
    fake.set(`${checkpoints}/${nodeName(id)}/locks`);
  };

  it('is listed again when a checkpoint was deleted after it was listed', async () => {
    add(1);
    add(2);
    let deleted = false;
    fake.onRequest(({ op, path: at }) => {
      if (op === 'getData' && at.endsWith(nodeName(1)) && !deleted) {
        deleted = true;
        fake.remove(at);
        add(3);
      }
      return undefined;
    });
    const reading = await look();
    expect(reading).toMatchObject({ value: { jobs: [{ checkpoints: [{ id: '3' }, { id: '2' }] }] } });
  });

  it('is listed again when a checkpoint came meanwhile', async () => {
    add(1);
    let once = true;
    fake.onRequest(({ op, path: at }) => {
      if (op === 'getData' && at.endsWith(nodeName(1)) && once) {
        once = false;
        add(2);
      }
      return undefined;
    });
    expect(await look()).toMatchObject({ value: { jobs: [{ checkpoints: [{ id: '2' }, { id: '1' }] }] } });
  });

  it('is unknown when it never stands still', async () => {
    add(1);
    let id = 1;
    fake.onRequest(({ op, path: at }) => {
      if (op === 'getData' && at.startsWith(`${checkpoints}/`)) add(++id);
      return undefined;
    });
    expect(await look()).toMatchObject({
      is: 'unknown',
      because: { code: 'HaStoreUnavailable', where: checkpoints },
    });
  });
});

it('syncs before it reads, and sends nothing that could write', async () => {
  fake.set(`/flink/default/jobs/${RUN}/checkpoints/${nodeName(1)}/locks`);
  await look();
  expect(fake.seen.map(({ op }) => op).slice(0, 2)).toEqual(['connect', 'multi']);
  await expect
    .poll(() => new Set(fake.seen.map(({ op }) => op)))
    .toEqual(new Set(['connect', 'multi', 'getData', 'getChildren2', 'close']));
});

it('counts a sync that may not check the top node as done: the leader answered it', async () => {
  fake.set('/flink/default');
  fake.onRequest(({ op }) => (op === 'multi' ? { code: -102 } : undefined));
  expect(await look()).toMatchObject({ is: 'present' });
});

it('sends the credentials after the session is open and before anything else', async () => {
  fake.set('/flink/default');
  const store = zookeeperHaStore('main', { servers: [fake.address], digest: secret('flink:geheim') });
  await store.cluster(AT, { signal: new AbortController().signal });
  expect(fake.seen.map(({ op }) => op).slice(0, 3)).toEqual(['connect', 'auth', 'multi']);
});

describe('a reply code', () => {
  const codes: readonly (readonly [number, string])[] = [
    [-4, 'HaStoreUnavailable'],
    [-7, 'HaStoreUnavailable'],
    [-122, 'HaStoreUnavailable'],
    [-112, 'HaStoreUnavailable'],
    [-118, 'HaStoreUnavailable'],
    [-127, 'HaStoreUnavailable'],
    [-1, 'HaStoreUnavailable'],
    [-2, 'HaStoreUnavailable'],
    [-3, 'HaStoreUnavailable'],
    [-102, 'AccessDenied'],
    [-115, 'AuthFailed'],
    [-124, 'AuthFailed'],
    [-114, 'ConfigInvalid'],
    [-8, 'ConfigInvalid'],
    [-6, 'ConfigInvalid'],
    [-5, 'ConfigInvalid'],
    [-103, 'Unclassified'],
    [-110, 'Unclassified'],
    [-111, 'Unclassified'],
    [-119, 'Unclassified'],
    [-125, 'Unclassified'],
    [-999, 'Unclassified'],
  ];
  for (const op of ['multi', 'getData', 'getChildren2'] as const)
    for (const [code, expected] of codes) {
      if (op === 'multi' && code === -102) continue;
      it(`${code} in answer to ${op} is ${expected}`, async () => {
        fake.set(`/flink/default/jobs/${RUN}/checkpoints/0000000000000000001`);
        fake.onRequest((request) => (request.op === op ? { code } : undefined));
        expect(await look()).toMatchObject({ is: 'unknown', because: { code: expected } });
        await expect.poll(fake.connections).toBe(0);
      });
    }
});

const instead = (op: string, what: Instead) => (request: ZooKeeperRequest) =>
  request.op === op ? what : undefined;
const html = Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>');
describe('a member', () => {
  it('that refuses connections costs no time', async () => {
    const dead = fake.address;
    await fake.close();
    const started = performance.now();
    expect(await look(3_000, [dead])).toMatchObject({
      is: 'unknown',
      because: { code: 'HaStoreUnavailable', message: expect.stringContaining('ECONNREFUSED') as string },
    });
    expect(performance.now() - started, 'no time of a session').toBeLessThan(1_500);
    fake = await startFakeZooKeeper();
  });

  it('is not asked first again after another one answered', async () => {
    const other = await startFakeZooKeeper();
    try {
      fake.onRequest(instead('connect', 'silence'));
      other.set('/flink/default');
      const store = zookeeperHaStore('main', { servers: [fake.address, other.address] });
      const call = { signal: new AbortController().signal };
      await store.cluster(AT, call);
      const asked = fake.seen.length;
      await store.cluster(AT, call);
      expect(fake.seen).toHaveLength(asked);
    } finally {
      await other.close();
    }
  });
});

describe('a call that is given up', () => {
  it('ends with the reason of its signal, at once, and closes its connection', async () => {
    fake.set('/flink/default');
    fake.onRequest(instead('getData', 'silence'));
    const controller = new AbortController();
    const reason = new Error('the worker shuts down');
    const reading = zookeeperHaStore('main', { servers: [fake.address] }).cluster(AT, {
      signal: controller.signal,
    });
    await expect.poll(() => fake.seen.some(({ op }) => op === 'getData')).toBe(true);
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await expect.poll(fake.connections).toBe(0);
  });

  it('never starts when its signal was aborted before', async () => {
    const reason = new Error('too late');
    const store = zookeeperHaStore('main', { servers: [fake.address] });
    await expect(store.cluster(AT, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(fake.seen).toEqual([]);
  });
});

it('leaves no socket, timer or listener after 500 faulty calls', async () => {
  fake.set(`/flink/default/jobs/${RUN}/checkpoints/${nodeName(1)}/locks`);
  const faults: readonly (readonly [string, Instead])[] = [
    ['connect', 'silence'],
    ['connect', 'cut'],
    ['connect', { raw: html }],
    ['multi', 'silence'],
    ['multi', { code: -999 }],
    ['getData', 'half'],
    ['getData', 'drip'],
    ['getData', { code: -112 }],
    ['getChildren2', 'cut'],
    ['getChildren2', { code: -102 }],
  ];
  let call = 0;
  fake.onRequest((request) => {
    const [op, fault] = faults[call % faults.length] ?? ['connect', 'cut'];
    return request.op === op ? fault : undefined;
  });
  await expectNothingLeft(async (signal) => {
    const store = zookeeperHaStore('main', { servers: [fake.address] });
    for (; call < 500; call++) {
      const reading = await store.cluster(AT, { signal, deadline: 15 });
      if (reading.is !== 'unknown') throw new Error(`call ${call}: expected unknown, found ${reading.is}`);
    }
    fake.forget();
  });
});
