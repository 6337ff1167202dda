import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../../activities/deps.js';
import { stopRun, type StopInput } from '../../activities/stop-run.js';
import { failure, fault } from '../../domain/failure.js';
import { chk, depsOf, fakeRun, incident, noCheckpoints, WRITER, type World } from '../support/fake-ports.js';

const SAVEPOINT = 'hdfs://nn:8020/flink/savepoints/savepoint-d2823c-1';
const { signal } = new AbortController();
let world: World;
let deps: Deps;

beforeEach(() => {
  world = incident();
  deps = depsOf(world);
  world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
  world.onCancel = () => {
    world.runs = [fakeRun({ state: 'CANCELED' })];
  };
  world.onSavepoint = () => {
    for (const [path, bytes] of [...world.files])
      if (path.startsWith(`${chk(8)}/`)) world.files.set(path.replace(chk(8), SAVEPOINT), bytes);
    return SAVEPOINT;
  };
});

const stop = (change: Partial<StopInput> = {}) =>
  stopRun(
    deps,
    { job: 'window-counts', run: WRITER, approved: true, submitted: [], repeated: false, ...change },
    signal,
    () => undefined,
  );
const withoutCheckpoint = () =>
  (world.runs = [fakeRun({ state: 'RESTARTING', endTime: null, checkpoints: noCheckpoints })]);

describe('stopping a run', () => {
  test('cancels it when its checkpoints are retained', async () => {
    expect(await stop()).toMatchObject({ is: 'stopped', stop: { run: WRITER, savepoint: null } });
    expect(world.acts).toEqual([`cancel ${WRITER}`]);
  });

  test('does nothing without a word of a person', async () => {
    expect(await stop({ approved: false })).toMatchObject({ is: 'not done' });
    expect(await stop({ approved: false, submitted: [WRITER] })).toMatchObject({ is: 'not done' });
    expect(world.acts).toEqual([]);
  });

  test('needs nobody for a run of ours without a checkpoint of its own', async () => {
    withoutCheckpoint();
    expect(await stop({ approved: false })).toMatchObject({ is: 'not done' });
    expect(await stop({ approved: false, submitted: [WRITER] })).toMatchObject({ is: 'stopped' });
  });

  test('takes a savepoint and verifies it when a cancel would delete the checkpoints', async () => {
    world.retained = false;
    expect(await stop()).toMatchObject({ is: 'stopped', stop: { savepoint: SAVEPOINT } });
    expect(world.acts).toEqual([`savepoint ${WRITER}`, `cancel ${WRITER}`]);
  });

  test('lets the run go on when the savepoint is not sound', async () => {
    world.retained = false;
    world.onSavepoint = () => {
      world.files.set(`${SAVEPOINT}/_metadata`, new Uint8Array([1, 2, 3]));
      return SAVEPOINT;
    };
    await expect(stop()).rejects.toMatchObject({ fault: { code: 'StateCorrupt', where: SAVEPOINT } });
    expect(world.acts).toEqual([`savepoint ${WRITER}`]);
  });

  test('lets the run go on when no savepoint can be taken', async () => {
    world.retained = false;
    world.onSavepoint = () => {
      throw failure('StorageNotWritable', 'no DataNode');
    };
    await expect(stop()).rejects.toMatchObject({ fault: { code: 'StorageNotWritable' } });
    world.runs = [fakeRun({ state: 'RESTARTING', endTime: null })];
    expect(await stop()).toMatchObject({ is: 'not done' });
    expect(world.acts).not.toContain(`cancel ${WRITER}`);
  });

  test('asks for a savepoint directory instead of losing checkpoints', async () => {
    world.retained = false;
    deps = depsOf(world, (config) => config.replace(/ +savepoints: .*\n/, ''));
    await expect(stop()).rejects.toMatchObject({ fault: { code: 'ConfigInvalid' } });
  });

  test('of a run that ended by itself claims nothing', async () => {
    world.runs = [fakeRun({ state: 'FAILED' })];
    expect(await stop()).toMatchObject({ is: 'not done', because: 'it is FAILED' });
    world.runs = [];
    expect(await stop()).toMatchObject({ is: 'not done' });
    expect(world.acts).toEqual([]);
  });

  test('that was interrupted finds what it did', async () => {
    world.runs = [fakeRun({ state: 'CANCELED' })];
    expect(await stop()).toMatchObject({ is: 'not done' });
    expect(await stop({ repeated: true })).toMatchObject({ is: 'stopped' });
    expect(world.acts).toEqual([]);
  });

  test('decides nothing while the JobManager does not answer', async () => {
    world.flinkDown = fault('FlinkUnavailable', 'refused');
    await expect(stop()).rejects.toMatchObject({ fault: { code: 'FlinkUnavailable' } });
  });
});
