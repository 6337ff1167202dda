/** What an assessment looks at only while Flink holds the job and does not run it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { watchRun } from '../../activities/watch-run.js';
import type { FlinkException, HaCheckpoint } from '../../adapters/ports.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { present, unknown } from '../../domain/reading.js';
import { situationOf } from '../../domain/situation.js';
import { loopingOn, stuckAs } from '../../domain/stuck.js';
import { chk, depsOf, fakeRun, incident, WRITER, type World } from '../support/fake-ports.js';

const HA_FILE = 'hdfs://nn:8020/flink/ha/default/completedCheckpoint1';
const { signal } = new AbortController();
const refused = fault('FlinkUnavailable', 'connection refused');
let world: World;

const entry = (path = HA_FILE, size = 3): HaCheckpoint => ({
  id: '8',
  znode: `/flink/default/jobs/${WRITER}/checkpoints/8`,
  markedForDeletion: false,
  handle: present({ path, size }),
});
const held = (...checkpoints: HaCheckpoint[]) =>
  present({ jobs: [{ run: WRITER, graph: true, checkpoints, counter: 9 }], leader: null });
const remembered = () => ({
  runs: [
    { run: WRITER, started: 1_000, restoredFrom: { is: 'nothing' } as const, state: 'RUNNING', seen: 2_000 },
  ],
  points: [],
  watchedSince: 0,
  gaps: [],
  complete: true,
});

beforeEach(() => {
  world = incident();
  world.runs = [];
  world.flinkDown = refused;
  world.ledger = present(remembered());
  world.ha = held(entry());
  world.files.set(HA_FILE, new Uint8Array(3));
});
const assess = () => assessRun(depsOf(world), { job: 'window-counts', submitted: [] }, signal);

describe('a job that is held', () => {
  test('with everything healthy and nobody leading looks like NoJobManager', async () => {
    const a = await assess();
    expect(a).toMatchObject({ needs: { storage: null }, lostEntries: { value: [] }, leads: { value: null } });
    expect(stuckAs(a)).toEqual({ is: 'NoJobManager', run: WRITER, leader: null });
  });

  test('with a recorded end that nobody can read is named, and with one that tells is being cleaned up', async () => {
    const path = `hdfs://nn:8020/flink/ha/job-result-store/default/${WRITER}_DIRTY.json`;
    world.files.set(path, new TextEncoder().encode('{"result":{"id":'));
    expect(stuckAs(await assess())).toMatchObject({ is: 'UnreadableJobResult', run: WRITER, path });
    const result = { result: { id: WRITER, 'application-status': 'CANCELED' }, version: 1 };
    world.files.set(path, new TextEncoder().encode(JSON.stringify(result)));
    const a = await assess();
    expect(stuckAs(a)?.is).toBe('NoJobManager');
    expect(situationOf(a)).toMatchObject({ is: 'cleaning' });
    expect(situationOf(a).because).toContain('CANCELED');
  });

  test('waits for its storage as long as that is not proved usable', async () => {
    world.onProof = () => {
      world.storageDown = fault('StorageUnavailable', 'connection refused');
    };
    const a = await assess();
    expect(a).toMatchObject({ needs: { storage: { code: 'StorageUnavailable' } } });
    expect(a.lostEntries).toBeUndefined();
    expect(stuckAs(a)).toBeNull();
  });

  test('with its HA file gone or cut cannot be started by any JobManager', async () => {
    world.files.delete(HA_FILE);
    const lost = { is: 'UnreadableHaEntry', run: WRITER, file: HA_FILE, point: chk(8) };
    expect(stuckAs(await assess())).toMatchObject(lost);
    world.files.set(HA_FILE, new Uint8Array(2));
    expect(stuckAs(await assess())).toMatchObject(lost);
  });

  test('with a pointer that cannot be followed is not called lost', async () => {
    world.ha = held({ ...entry(), handle: unknown(fault('Unclassified', 'no handle')) });
    expect(await assess()).toMatchObject({ lostEntries: { value: [] } });
    world.ha = held(entry('s3://elsewhere/file'));
    expect(await assess()).toMatchObject({ lostEntries: { value: [] } });
  });

  describe('whose job graph is in the HA storage', () => {
    const znode = `/flink/default/jobgraphs/${WRITER}`;
    const file = 'hdfs://nn:8020/flink/ha/default/submittedJobGraph1';
    const jars = `hdfs://nn:8020/flink/ha/default/blob/job_${WRITER}`;
    const named = Buffer.from('....org.apache.flink.runtime.blob.PermanentBlobKey....');
    const lost = (what: string) => ({ is: 'UnreadableJobGraph', run: WRITER, znode, file: what });
    beforeEach(() => {
      const graphFile = { znode, handle: present({ path: file, size: named.length }) };
      const job = { run: WRITER, graph: true, graphFile, checkpoints: [entry()], counter: 9 };
      world.ha = present({ jobs: [job], leader: null });
      world.files.set(file, named);
      world.files.set(`${jars}/blob_p-1`, new Uint8Array(1));
    });

    test('with its jar there is nothing wrong with the graph', async () => {
      expect(stuckAs(await assess())?.is).toBe('NoJobManager');
    });

    test('and gone or cut stops every JobManager', async () => {
      world.files.delete(file);
      expect(stuckAs(await assess())).toEqual(lost(file));
      world.files.set(file, named.subarray(1));
      expect(stuckAs(await assess())).toEqual(lost(file));
    });

    test('and names a jar that is gone stops every JobManager', async () => {
      world.files.delete(`${jars}/blob_p-1`);
      expect(stuckAs(await assess())).toEqual(lost(jars));
    });

    test('and names no jar, as in an application cluster, needs none', async () => {
      world.files.delete(`${jars}/blob_p-1`);
      world.files.set(file, new Uint8Array(named.length));
      expect(stuckAs(await assess())?.is).toBe('NoJobManager');
    });
  });

  test("names another job's lost HA file: it stops every JobManager", async () => {
    const other = runId('e'.repeat(32));
    world.ha = present({
      jobs: [
        { run: WRITER, graph: true, checkpoints: [entry()], counter: 9 },
        { run: other, graph: true, checkpoints: [entry('hdfs://nn:8020/flink/ha/x')], counter: 3 },
      ],
      leader: null,
    });
    const a = await assess();
    expect(a).toMatchObject({ lostEntries: { value: [{ run: other }] } });
    expect(stuckAs(a)?.is).toBe('NoJobManager');
  });
});

test('a storage is not written to for a job that nobody holds', async () => {
  world = incident();
  let proofs = 0;
  world.onProof = () => proofs++;
  expect((await assess()).needs).toBeUndefined();
  expect(proofs).toBe(0);
});

describe('the same first fault', () => {
  const failed = (time: number, message: string): FlinkException => ({
    name: 'x',
    time,
    task: null,
    message,
  });
  const loops = async (...exceptions: readonly FlinkException[]) => {
    world = incident();
    world.runs = [fakeRun({ state: 'RESTARTING', endTime: null })];
    world.exceptions = [...exceptions];
    const { runs } = await assess();
    const seen = runs.is === 'present' ? runs.value[0] : undefined;
    return seen === undefined ? null : { times: seen.sameFaults, on: loopingOn(seen) };
  };
  const gone = (file: string) => `FileNotFoundException: File does not exist: /flink/shared/${file}`;

  test('is counted once a restart, whichever file or subtask it names', async () => {
    expect(
      await loops(
        failed(2_000, gone('a')),
        failed(2_010, gone('b')),
        failed(9_000, gone('b')),
        failed(16_000, gone('a')),
      ),
    ).toEqual({ times: 3, on: chk(8) });
  });

  test('need not be the one that began the loop: a checkpoint fails, and then the state is not there', async () => {
    expect(
      await loops(
        failed(2_000, 'Exceeded checkpoint tolerable failure threshold.'),
        failed(9_000, gone('a')),
        failed(16_000, gone('a')),
        failed(23_000, gone('b')),
      ),
    ).toEqual({ times: 3, on: chk(8) });
  });

  test('of before the newest checkpoint is over, and another fault is another', async () => {
    expect(await loops(failed(1, gone('a')), failed(2_000, gone('a')), failed(9_000, 'EOF'))).toEqual({
      times: 1,
      on: null,
    });
  });
});

test('a watch ends when the case wants to look again', async () => {
  const lookAt = world.now + 30_000;
  const input = { job: 'window-counts', run: WRITER, until: 'settled', lookAt } as const;
  expect(await watchRun(depsOf(world), input, signal, () => undefined)).toContain('may be a dead end');
  expect(world.now).toBeGreaterThanOrEqual(lookAt);
});
