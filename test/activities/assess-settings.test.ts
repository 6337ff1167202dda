/** HA settings that differ from ours stop everything, also when only the watch has ever seen them. */
import { describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { watchJobs } from '../../activities/watch-jobs.js';
import { fault } from '../../domain/failure.js';
import { clusterName, jobName } from '../../domain/ids.js';
import { absent, present } from '../../domain/reading.js';
import { situationOf } from '../../domain/situation.js';
import { depsOf, fakeRun, incident, WRITER, type World } from '../support/fake-ports.js';

const JOB = jobName('window-counts');
const { signal } = new AbortController();
const away = fault('FlinkUnavailable', 'connection refused');

/** What the watch has recorded of the world, until its JobManager went away. */
async function watchedUntilNow(settings: Record<string, string>): Promise<World> {
  const world = incident();
  world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
  Object.assign(world.settings, settings);
  const input = { cluster: clusterName('counts'), ledgers: {}, lastLook: null, noted: {} };
  const seen = await watchJobs(depsOf(world), input, signal, () => undefined);
  const ledger = seen.ledgers[JOB];
  world.ledger = ledger === undefined ? absent : present(ledger);
  world.flinkDown = away;
  return world;
}
const situation = async (world: World) =>
  situationOf(await assessRun(depsOf(world), { job: JOB, submitted: [] }, signal));
const holds = (world: World) => {
  world.ha = present({ jobs: [{ run: WRITER, graph: true, checkpoints: [], counter: 9 }], leader: null });
};

describe('no JobManager answers', () => {
  test('the settings that the watch saw last were other ones: nothing is believed, and a person is asked', async () => {
    const world = await watchedUntilNow({ 'high-availability.cluster-id': '/other' });
    holds(world);
    const seen = await situation(world);
    expect(seen).toMatchObject({ is: 'unknown', fault: { code: 'ConfigInvalid' } });
    expect(seen.because).toMatch(/configured \/default, the cluster has \/other, as the watch saw it last/);
  });

  test('they were ours: that ZooKeeper holds the job is believed', async () => {
    const world = await watchedUntilNow({});
    expect(world.ledger).toMatchObject({ value: { ha: { kind: 'zookeeper', clusterId: '/default' } } });
    holds(world);
    expect((await situation(world)).is).toBe('held');
  });

  test('and they were ours, but nobody holds the job: it stays unknown, the next JobManager may have others', async () => {
    const world = await watchedUntilNow({});
    expect(await situation(world)).toMatchObject({ is: 'unknown', fault: { code: 'FlinkUnavailable' } });
  });
});

test('a JobManager that answers counts more than what was remembered', async () => {
  const world = await watchedUntilNow({ 'high-availability.cluster-id': '/other' });
  world.flinkDown = null;
  world.settings['high-availability.cluster-id'] = '/default';
  expect((await situation(world)).because).not.toContain('/other');
});
