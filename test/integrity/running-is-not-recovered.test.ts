/** Promise 8. Flink restored the chosen point, a newer checkpoint completed, the positions moved on: not before. */
import { beforeEach, describe, expect, test } from 'vitest';
import { confirmRestored } from '../../activities/confirm-restored.js';
import type { Deps } from '../../activities/deps.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import {
  chk,
  completed,
  depsOf,
  fakeRun,
  incident,
  noCheckpoints,
  type World,
} from '../support/fake-ports.js';

const JOB = 'window-counts';
const NEW = runId('b'.repeat(32));
const { signal } = new AbortController();
const quiet = () => undefined;

let world: World;
let deps: Deps;
beforeEach(() => {
  world = incident();
  deps = depsOf(world);
});

describe('confirmRestored', () => {
  const restored = { id: '7', path: chk(7), savepoint: true, time: 1 };
  const proven = fakeRun({
    run: NEW,
    state: 'RUNNING',
    endTime: null,
    tasks: { RUNNING: 4 },
    // The newer checkpoint of the run: the bytes of chk-8, whose positions are those of chk-7 or further.
    checkpoints: { ...noCheckpoints, restored, latestCompleted: completed(8) },
  });
  const confirm = () => confirmRestored(deps, { job: JOB, run: NEW, point: chk(7) }, signal, quiet);

  test('is proved by all tasks, the restored point, a newer checkpoint and positions that moved on', async () => {
    world.runs.push(proven);
    expect(await confirm()).toMatchObject({
      is: 'proved',
      proofs: expect.arrayContaining([expect.stringContaining('NO_CLAIM')]) as string[],
    });
  });

  test.each([
    ['one task is not running', { tasks: { RUNNING: 3, SCHEDULED: 1 } }],
    [
      'no newer checkpoint has completed',
      { checkpoints: { ...proven.checkpoints, latestCompleted: completed(7) } },
    ],
    ['it was restored from nothing', { checkpoints: { ...proven.checkpoints, restored: null } }],
    [
      'it was restored from another point',
      { checkpoints: { ...proven.checkpoints, restored: { ...restored, path: chk(6) } } },
    ],
  ])('RUNNING is not recovered while %s', async (_while, change) => {
    world.runs.push({ ...proven, ...change });
    expect(await confirm()).toMatchObject({ is: 'unproven' });
  });

  test('a run that ended is dead, with its first fault', async () => {
    world.runs.push({ ...proven, state: 'FAILED' });
    expect(await confirm()).toMatchObject({ is: 'dead', fault: { code: 'RestoreTimedOut' } });
  });

  test('a JobManager that does not answer proves nothing', async () => {
    world.flinkDown = fault('FlinkUnavailable', 'x');
    expect(await confirm()).toMatchObject({ is: 'unproven' });
  });
});
