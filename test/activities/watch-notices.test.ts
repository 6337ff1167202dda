/** Notices of the watch, over the small world: raised at the limit, once, and over when they are. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Deps } from '../../activities/deps.js';
import { positionsIn } from '../../activities/read-state.js';
import { watchJobs, type Watched } from '../../activities/watch-jobs.js';
import { fault } from '../../domain/failure.js';
import { clusterName, jobName, runId } from '../../domain/ids.js';
import { unknown } from '../../domain/reading.js';
import type { FlinkCheckpoint } from '../../adapters/ports.js';
import {
  chk,
  completed,
  depsOf,
  fakeRun,
  incident,
  noCheckpoints,
  type FakeRun,
  type World,
} from '../support/fake-ports.js';

const CLUSTER = clusterName('counts');
const { signal } = new AbortController();

let world: World;
let deps: Deps;
let latest: Watched | null;
beforeEach(() => {
  world = incident();
  deps = depsOf(world);
  latest = null;
});

const failed = (id: number): FlinkCheckpoint => ({
  ...completed(id),
  status: 'FAILED',
  path: null,
  failure: 'could only be written to 0 of the 1 minReplication nodes',
});
/** A run that completed checkpoint 8 now, and then failed so many. */
const runs = (failures: number, change: Partial<FakeRun> = {}): FakeRun =>
  fakeRun({
    state: 'RUNNING',
    endTime: null,
    tasks: { RUNNING: 4 },
    checkpoints: {
      ...noCheckpoints,
      counts: { completed: 8, failed: failures, restored: 0, inProgress: 0 },
      latestCompleted: { ...completed(8), triggered: world.now },
      // Flink lists the newest ten.
      history: [
        ...Array.from({ length: failures }, (_, i) => failed(8 + failures - i)),
        { ...completed(8), triggered: world.now },
      ].slice(0, 10),
    },
    ...change,
  });

/** Looks until there is something new, or for ten minutes; what was raised and what was over. */
async function watch(look: () => void = () => undefined): Promise<readonly string[]> {
  latest = await watchJobs(
    deps,
    {
      cluster: CLUSTER,
      ledgers: latest?.ledgers ?? {},
      lastLook: latest?.lastLook ?? null,
      noted: latest?.noted ?? {},
    },
    signal,
    look,
  );
  return latest.notices.map((n) => `${n.kind} ${n.state}`);
}
const firstSight = ['FlinkToleratesLess raised'];

describe('failing checkpoints', () => {
  test('raise a notice when more than tolerated have failed, once; it is over with the next that completes', async () => {
    world.runs = [runs(5)];
    expect(await watch()).toEqual(firstSight);
    world.runs = [runs(6)];
    expect(await watch()).toEqual(['CheckpointsFailing raised']);
    expect(latest?.notices[0]).toMatchObject({ job: 'window-counts', severity: 'warning' });
    expect(latest?.notices[0]?.summary).toBe(
      '6 checkpoints in a row have failed, tolerated are 5; the job is left running; the last: could only be written to 0 of the 1 minReplication nodes',
    );
    world.runs = [runs(7)];
    let looks = 0;
    const later = await watch(() => {
      if (++looks === 3) world.runs = [runs(0)];
    });
    expect(later).toEqual(['CheckpointsFailing over']);
    expect(latest?.alerts).toEqual([]);
  });

  test('are counted beyond the ten that Flink lists', async () => {
    const policy = { ...deps.config.jobs[jobName('window-counts')]!.policy, tolerateFailedCheckpoints: 12 };
    const jobs = { 'window-counts': { ...deps.config.jobs[jobName('window-counts')]!, policy } };
    deps = { ...deps, config: { ...deps.config, jobs } };
    world.runs = [runs(0)];
    await watch();
    world.runs = [runs(13)];
    expect(await watch()).toEqual(['CheckpointsFailing raised']);
  });
});

test('a job that restarts over and over is told with its first fault', async () => {
  const restarted = (time: number) => runs(0, { timestamps: { RESTARTING: time } });
  world.runs = [restarted(world.now)];
  await watch();
  const seen = await watch(() => {
    world.runs = [restarted(world.now)];
  });
  expect(seen).toEqual(['RestartLoop raised']);
});

test('the same job twice is told with both runs', async () => {
  const twin = runId('b'.repeat(32));
  world.runs = [runs(0), runs(0, { run: twin, startTime: 2_000 })];
  expect(await watch()).toContain('SameJobTwice raised');
  expect(latest?.notices.find((n) => n.kind === 'SameJobTwice')?.summary).toContain(twin);
});

test('what Flink cannot be asked is not over', async () => {
  world.runs = [runs(6)];
  expect(await watch()).toContain('CheckpointsFailing raised');
  world.flinkDown = fault('FlinkUnavailable', 'connection refused');
  // ZooKeeper still names a leader: nothing is lost, nothing is over.
  expect(await watch()).toEqual([]);
  expect(latest?.noted).toMatchObject({
    'window-counts': { notices: { open: [{ kind: 'CheckpointsFailing' }, { kind: 'FlinkToleratesLess' }] } },
  });
});

test('one job’s bad answer is that job’s unknown', async () => {
  const other = runId('c'.repeat(32));
  const of = deps.config.jobs[jobName('window-counts')]!;
  const jobs = { 'window-counts': of, other: { ...of, match: { ...of.match, name: 'other' } } };
  const flink = deps.ports.flink('counts');
  const bad = unknown(fault('Unclassified', 'expected counts, found text'));
  const ports = {
    ...deps.ports,
    flink: () => ({
      ...flink,
      checkpoints: (run: typeof other, call: Parameters<typeof flink.checkpoints>[1]) =>
        run === other ? Promise.resolve(bad) : flink.checkpoints(run, call),
    }),
  };
  deps = { ...deps, ports, config: { ...deps.config, jobs } };
  world.runs = [runs(6), runs(6, { run: other, name: 'other' })];
  await watch();
  const failing = latest?.notices.filter((n) => n.kind === 'CheckpointsFailing').map((n) => n.job);
  expect(failing).toEqual(['window-counts']);
  expect(latest?.ledgers).toMatchObject({ other: { runs: [{ run: other, state: 'RUNNING' }], points: [] } });
});

test('records that expire before the checkpoint is as old are told, with the time left', async () => {
  world.log.set('events', [{ partition: 0, start: 0n, end: 1_000_000n }]);
  for (const topic of topicsOf(await positions())) world.log.set(topic, log());
  // The first needed record is 20 s old and lasts for a minute: 40 s are left, and the checkpoint is older.
  const old = { ...completed(8), triggered: world.now - 50_000 };
  world.runs = [
    runs(0, {
      checkpoints: {
        ...noCheckpoints,
        counts: { completed: 8, failed: 0, restored: 0, inProgress: 0 },
        latestCompleted: old,
        history: [old],
      },
    }),
  ];
  expect(await watch()).toEqual(firstSight);
  const seen: string[] = [];
  for (let i = 0; i < 3 && !seen.includes('RetentionNear raised'); i++) seen.push(...(await watch()));
  expect(seen).toContain('RetentionNear raised');

  async function positions() {
    const read = await positionsIn(deps, chk(8), { signal });
    return read.is === 'present' ? read.value : [];
  }
  function topicsOf(of: readonly { readonly topic: string }[]) {
    return new Set(of.map((p) => p.topic));
  }
  function log() {
    return Array.from({ length: 8 }, (_, partition) => ({ partition, start: 0n, end: 1_000_000_000n }));
  }
});
