/** A savepoint tells by itself that it stopped its run: nobody else may know, once Flink has forgotten the run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { fetchPointer, savepointTold } from '../../activities/fetch-pointer.js';
import { decide } from '../../domain/decide.js';
import { fault } from '../../domain/failure.js';
import { buildLadder } from '../../domain/ladder.js';
import { present } from '../../domain/reading.js';
import { evidence } from '../support/evidence.js';
import { chk, depsOf, incident, WRITER, type World } from '../support/fake-ports.js';
import { describeFixtures, fixtures } from '../support/flink-fixtures.js';

const SAVEPOINT = `hdfs://nn:8020/flink/savepoints/savepoint-${WRITER.slice(0, 6)}-a046a70927c8`;
const input = { job: 'window-counts', submitted: [] };
const { signal } = new AbortController();

describeFixtures('a savepoint that stopped its run', () => {
  let world: World;
  beforeEach(() => {
    world = incident();
    world.runs = [];
    world.ledger = present({
      runs: [{ run: WRITER, started: 1_000, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: 2_000 }],
      points: [],
      watchedSince: 0,
      gaps: [],
      complete: true,
    });
    const stopped = 'generated/cases/1.17-savepoint-stop/flink/savepoints/savepoint-98a006-a046a70927c8';
    world.files.set(`${SAVEPOINT}/_metadata`, readFileSync(join(fixtures, stopped, '_metadata')));
  });
  const pointers = () => fetchPointer(depsOf(world), input, signal);
  const next = async () =>
    decide(
      evidence({ assessment: await assessRun(depsOf(world), input, signal), pointers: await pointers() }),
    );

  test('is its newest point, before every checkpoint', async () => {
    const [top, second] = buildLadder(await pointers(), null).rungs;
    expect(top?.point).toMatchObject({ path: SAVEPOINT, terminating: true, run: WRITER });
    expect(second?.point.path).toBe(chk(8));
  });

  test('is the wish of a person: a run that nobody saw end is not brought back', async () => {
    expect(await next()).toMatchObject({ do: 'leave', outcome: 'ended by a person' });
    expect(await next()).toMatchObject({ because: expect.stringContaining(SAVEPOINT) as unknown });
  });

  test('decides nothing while another source is unknown', async () => {
    const known = await pointers();
    const blind = {
      source: 'zookeeper',
      where: 'zk',
      points: { is: 'unknown', because: fault('HaStoreUnavailable', 'no quorum') },
    } as const;
    const e = evidence({
      assessment: await assessRun(depsOf(world), input, signal),
      pointers: { ...known, sources: [...known.sources, blind] },
    });
    expect(decide(e)).toMatchObject({ do: 'fail', fault: { code: 'HaStoreUnavailable' } });
  });

  test('that is damaged says nothing, and is judged when it is read', async () => {
    world.files.set(`${SAVEPOINT}/_metadata`, new Uint8Array([1, 2, 3]));
    expect(buildLadder(await pointers(), null).rungs.at(-1)?.point).toMatchObject({ terminating: false });
  });

  test('that cannot be read leaves its source unknown', async () => {
    const deps = depsOf(world);
    const { ports } = deps;
    const away = fault('StorageUnavailable', 'refused');
    const storageOf: typeof ports.storageOf = (uri) => {
      const owner = ports.storageOf(uri);
      if ('code' in owner || !uri.startsWith('hdfs://nn:8020/flink/savepoints')) return owner;
      const read = () => Promise.resolve({ is: 'unknown', because: away } as const);
      return { ...owner, storage: { ...owner.storage, read } };
    };
    const found = await fetchPointer({ ...deps, ports: { ...ports, storageOf } }, input, signal);
    expect(buildLadder(found, null).unknown).toContainEqual(away);
  });
});

test.each([
  [{ class: 'CheckpointType', name: 'SAVEPOINT_TERMINATE', enum: true } as const, true],
  [{ class: 'CheckpointType', name: 'SAVEPOINT_SUSPEND', enum: true } as const, true],
  [{ class: 'CheckpointType', name: 'SYNC_SAVEPOINT', enum: true } as const, true],
  [{ class: 'CheckpointType', name: 'SAVEPOINT', enum: true } as const, false],
  [null, false],
])('of an older Flink is told by its type (%#)', (type, expected) => {
  const flags = { forced: false, unclaimed: null, discardSubsumed: false, discardFinished: false };
  const more = { discardCancelled: false, discardFailed: false, discardSuspended: false };
  const told = savepointTold({ checkpointId: 7n, properties: { type, ...flags, ...more } });
  expect(told).toEqual({ id: '7', terminating: expected });
});
