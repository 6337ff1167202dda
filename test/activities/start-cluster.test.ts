import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../../activities/deps.js';
import { startCluster } from '../../activities/start-cluster.js';
import type { HaCheckpoint, Ran } from '../../adapters/ports.js';
import { failure, fault } from '../../domain/failure.js';
import { present, unknown } from '../../domain/reading.js';
import { depsOf, incident, WRITER, type World } from '../support/fake-ports.js';

const HA_FILE = 'hdfs://nn:8020/flink/ha/default/completedCheckpoint1';
const refused = fault('FlinkUnavailable', 'connection refused');
const well: Ran = { code: 0, out: '', because: null };
const { signal } = new AbortController();
let world: World;
let deps: Deps;

beforeEach(() => {
  world = incident();
  world.runs = [];
  world.flinkDown = refused;
  const entry: HaCheckpoint = {
    id: '8',
    znode: `/flink/default/jobs/${WRITER}/checkpoints/8`,
    markedForDeletion: false,
    handle: present({ path: HA_FILE, size: 3 }),
  };
  world.ha = present({
    jobs: [{ run: WRITER, graph: true, checkpoints: [entry], counter: 9 }],
    leader: null,
  });
  world.files.set(HA_FILE, new Uint8Array(3));
  world.ledger = present({
    runs: [{ run: WRITER, started: 1, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: 2 }],
    points: [],
    watchedSince: 0,
    gaps: [],
    complete: true,
  });
  world.onCommand = () => {
    world.flinkDown = null;
    return well;
  };
  deps = depsOf(world, (config) =>
    config.replace('  counts:\n', '  counts:\n    startCluster: [./start.sh, jobmanager]\n'),
  );
});
const start = (repeated = false) =>
  startCluster(
    deps,
    { job: 'window-counts', deadEnd: { is: 'NoJobManager', run: WRITER, leader: null }, repeated },
    signal,
  );

describe('starting the JobManager', () => {
  test('runs the command of the configuration, and says who leads', async () => {
    expect(await start()).toMatchObject({
      is: 'started',
      start: { run: WRITER, leader: 'http://jm:8081', proofs: expect.any(Array) as unknown },
    });
    expect(world.acts).toEqual(['run ./start.sh jobmanager']);
  });

  test('is not done when one leads by now: the next case finds it', async () => {
    await start();
    expect(await start()).toMatchObject({ is: 'not done' });
    expect(world.acts).toHaveLength(1);
  });

  test('is not done while ZooKeeper does not answer, or names a leader', async () => {
    const { ha } = world;
    world.ha = unknown(fault('HaStoreUnavailable', 'no quorum'));
    expect(await start()).toMatchObject({ is: 'not done' });
    world.ha = ha.is === 'present' ? present({ ...ha.value, leader: 'http://jm:8081' }) : ha;
    expect(await start()).toMatchObject({ is: 'not done' });
    expect(world.acts).toEqual([]);
  });

  test('is not done while the storage that Flink needs is away', async () => {
    world.onProof = () => {
      world.storageDown = fault('StorageUnavailable', 'connection refused');
    };
    expect(await start()).toMatchObject({ is: 'not done' });
    expect(world.acts).toEqual([]);
  });

  test('tells that nobody leads a minute after the command', async () => {
    world.onCommand = () => well;
    const before = world.now;
    expect(await start()).toMatchObject({ is: 'started', start: { leader: null } });
    expect(world.now - before).toBeGreaterThanOrEqual(60_000);
  });

  test('that was interrupted waits for what it began, before the command runs again', async () => {
    world.flinkDown = null;
    expect(await start(true)).toMatchObject({ is: 'started' });
    expect(world.acts).toEqual([]);
    world.flinkDown = refused;
    expect(await start(true)).toMatchObject({ is: 'started', start: { leader: 'http://jm:8081' } });
    expect(world.acts).toHaveLength(1);
  });

  test('fails with the words of the command', async () => {
    world.onCommand = () => ({ code: 1, out: '', because: fault('Unclassified', 'start.sh: no unit') });
    await expect(start()).rejects.toMatchObject({
      fault: { code: 'FlinkUnavailable', message: expect.stringContaining('no unit') as unknown },
    });
    world.onCommand = () => {
      throw failure('ConfigInvalid', 'there is no such program', './start.sh');
    };
    await expect(start()).rejects.toMatchObject({ fault: { code: 'ConfigInvalid' } });
  });
});
