/** What Flink's archive of ended jobs tells of a run whose end nobody saw. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import type { Deps } from '../../activities/deps.js';
import { restoreJob } from '../../activities/restore-job.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { pointFromPath } from '../../domain/restore-point.js';
import { situationOf } from '../../domain/situation.js';
import { chk, depsOf, fakeRun, incident, WRITER, type World } from '../support/fake-ports.js';

const ARCHIVE = 'hdfs://nn:8020/flink/archive';
const { signal } = new AbortController();
let world: World;
let deps: Deps;
let asked: string[];

beforeEach(() => {
  world = incident();
  world.runs = [];
  world.ledger = present({
    runs: [
      { run: WRITER, started: 1_000, restoredFrom: { is: 'nothing' }, state: 'RUNNING', seen: world.now },
    ],
    points: [],
    watchedSince: 0,
    gaps: [],
    complete: true,
  });
  asked = [];
  deps = withArchive(
    depsOf(world, (config) => config.replace('  counts:\n', `  counts:\n    archive: ${ARCHIVE}\n`)),
  );
});
const withArchive = (of: Deps): Deps => ({
  ...of,
  ports: {
    ...of.ports,
    archivedEnd: (directory, run, call) => {
      asked.push(`${directory}/${run}`);
      expect(call.deadline, 'a storage that hangs is an answer of the step').toBeLessThanOrEqual(20_000);
      return of.ports.archivedEnd(directory, run, call);
    },
  },
});
const input = { job: 'window-counts', submitted: [] };
const situation = async () => situationOf(await assessRun(deps, input, signal));

describe('a run that the JobManager has forgotten, and nobody saw end', () => {
  test.each([
    ['CANCELED', 'ended'],
    ['FINISHED', 'ended'],
    ['FAILED', 'abandoned'],
  ])('that the archive shows as %s is %s', async (state, expected) => {
    world.archived = present({ state });
    const { is, because } = await situation();
    expect(is).toBe(expected);
    expect(because).toContain(`Flink's archive shows ${WRITER} as ${state}`);
    expect(asked).toEqual([`${ARCHIVE}/${WRITER}`]);
  });

  test('of which there is no archive has vanished: that says nothing', async () => {
    world.archived = absent;
    expect((await situation()).is).toBe('vanished');
  });

  test('whose archive cannot be read is unknown', async () => {
    world.archived = unknown(fault('StorageUnavailable', 'connection refused'));
    expect(await situation()).toMatchObject({ is: 'unknown', fault: { code: 'StorageUnavailable' } });
  });

  test('has vanished where no archive is configured', async () => {
    deps = withArchive(depsOf(world));
    world.archived = present({ state: 'FAILED' });
    expect((await situation()).is).toBe('vanished');
    expect(asked).toEqual([]);
  });

  test('and that a person cancelled is not submitted, whatever was decided before', async () => {
    world.archived = present({ state: 'CANCELED' });
    const run = runId('b'.repeat(32));
    const restore = {
      ...input,
      run,
      point: pointFromPath(chk(8)),
      sha256: '',
      consented: true,
      repeated: false,
    };
    await expect(restoreJob(deps, restore, signal)).rejects.toMatchObject({
      fault: { code: 'FlinkRestarting' },
    });
    expect(world.acts).toEqual([]);
  });
});

const RESULTS = 'hdfs://nn:8020/flink/ha/job-result-store/default';
const recorded = (status: string, run: string = WRITER) =>
  new TextEncoder().encode(JSON.stringify({ result: { id: run, 'application-status': status }, version: 1 }));

describe.each([
  ['is being cleaned up', `${WRITER}_DIRTY.json`],
  ['is kept', `${WRITER}.json`],
])('a forgotten run whose job result %s', (_what, name) => {
  test.each([
    ['CANCELED', 'CANCELED', 'ended'],
    ['SUCCEEDED', 'FINISHED', 'ended'],
    ['FAILED', 'FAILED', 'abandoned'],
  ])('with status %s has ended as %s, and needs no archive: %s', async (status, state, expected) => {
    world.files.set(`${RESULTS}/${name}`, recorded(status));
    const { is, because } = await situation();
    expect(is).toBe(expected);
    expect(because).toContain(`Flink's job result shows ${WRITER} as ${state}`);
    expect(asked).toEqual([]);
  });

  test('that FAILED is restored without a witness: its end is known', async () => {
    world.files.set(`${RESULTS}/${name}`, recorded('FAILED'));
    expect((await assessRun(deps, input, signal)).traces).toBeUndefined();
  });

  test('of which Flink itself did not know the end is asked of the archive', async () => {
    world.files.set(`${RESULTS}/${name}`, recorded('UNKNOWN'));
    world.archived = present({ state: 'FAILED' });
    expect((await situation()).because).toContain("Flink's archive shows");
  });

  test.each<[string, Uint8Array]>([
    ['of another run', recorded('FAILED', 'b'.repeat(32))],
    ['that nobody can read', new Uint8Array([1, 2, 3])],
  ])('%s is a question, whatever the archive says', async (_why, bytes) => {
    world.files.set(`${RESULTS}/${name}`, bytes);
    world.archived = present({ state: 'FAILED' });
    expect(await situation()).toMatchObject({ is: 'unknown', fault: { code: 'StateCorrupt' } });
    expect(asked).toEqual([]);
  });
});

describe('no archive is read', () => {
  test('of a run that Flink still shows', async () => {
    world.runs = [fakeRun()];
    expect((await situation()).is).toBe('abandoned');
    expect(asked).toEqual([]);
  });

  test('of a run that ZooKeeper holds, and while ZooKeeper does not answer', async () => {
    world.ha = present({
      jobs: [{ run: WRITER, graph: true, checkpoints: [], counter: 9 }],
      leader: 'http://jm:8081',
    });
    expect((await situation()).is).toBe('held');
    world.ha = unknown(fault('HaStoreUnavailable', 'no quorum'));
    expect((await situation()).is).toBe('unknown');
    expect(asked).toEqual([]);
  });
});
