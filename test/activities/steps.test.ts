/** The steps of a recovery over one small world: what they take for present, absent and unknown, and what they do to it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { awaitReturn } from '../../activities/await-return.js';
import { checkOffsets } from '../../activities/check-offsets.js';
import type { Deps } from '../../activities/deps.js';
import { fetchPointer } from '../../activities/fetch-pointer.js';
import { readState } from '../../activities/read-state.js';
import { restoreJob, type RestoreInput } from '../../activities/restore-job.js';
import { resumeOffsets } from '../../activities/resume-offsets.js';
import { setStart } from '../../activities/start-job.js';
import { watchJobs } from '../../activities/watch-jobs.js';
import { failure, fault } from '../../domain/failure.js';
import { clusterName, runId } from '../../domain/ids.js';
import { buildLadder } from '../../domain/ladder.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { pointFromPath, type Verdict } from '../../domain/restore-point.js';
import { situationOf } from '../../domain/situation.js';
import { chk, depsOf, fakeRun, incident, noCheckpoints, WRITER, type World } from '../support/fake-ports.js';

const JOB = 'window-counts';
const NEW = runId('b'.repeat(32));
const { signal } = new AbortController();
const quiet = () => undefined;
const refused = fault('StorageUnavailable', 'connection refused', 'nn:9870');

let world: World;
let deps: Deps;
beforeEach(() => {
  world = incident();
  deps = depsOf(world);
});

const verdictOn = (id: number) => readState(deps, { job: JOB, point: pointFromPath(chk(id)) }, signal, quiet);
const soundFacts = (verdict: Verdict) => {
  if (verdict.is !== 'sound') throw new Error(JSON.stringify(verdict));
  return verdict.facts;
};

describe('a storage that hangs', () => {
  test('cannot use up the minute of a quick step: each of its looks has a deadline of its own', async () => {
    const deadlines: (number | undefined)[] = [];
    const { ports } = deps;
    const bounded: Deps['ports']['storageOf'] = (uri) => {
      const owner = ports.storageOf(uri);
      if ('code' in owner) return owner;
      const { storage } = owner;
      const list: (typeof storage)['list'] = (at, take, call) => {
        deadlines.push(call.deadline);
        return storage.list(at, take, call);
      };
      return { ...owner, storage: { ...storage, list } };
    };
    const watched = { ...deps, ports: { ...ports, storageOf: bounded } };
    await assessRun(watched, { job: JOB, submitted: [] }, signal);
    await fetchPointer(watched, { job: JOB, submitted: [] }, signal);
    expect(deadlines.length).toBeGreaterThan(2);
    for (const deadline of deadlines) expect(deadline).toBeLessThanOrEqual(20_000);
  });
});

describe('assessRun', () => {
  test('a run of another job that ZooKeeper holds and Flink does not list yet is looked for once more', async () => {
    world.ha = present({ jobs: [{ run: NEW, graph: true, checkpoints: [], counter: 1 }], leader: null });
    let looks = 0;
    const { ports } = deps;
    const slow: Deps['ports']['flink'] = (cluster) => ({
      ...ports.flink(cluster),
      jobs: async (call) => {
        if (++looks === 2) world.runs.push(fakeRun({ run: NEW, name: 'other', state: 'RUNNING' }));
        return ports.flink(cluster).jobs(call);
      },
    });
    const later = { ...deps, ports: { ...ports, flink: slow } };
    expect(situationOf(await assessRun(later, { job: JOB, submitted: [] }, signal)).is).toBe('abandoned');
  });

  describe('with a run that this case has submitted', () => {
    const own = { run: NEW, point: chk(8), started: 20_000, state: 'RUNNING', seen: 30_000 };
    const look = () => assessRun(deps, { job: JOB, submitted: [NEW], own }, signal);

    test('and that nobody shows: nobody saw it end, whatever became of the runs before it', async () => {
      world.ledger = present({ runs: [], points: [], watchedSince: 0, gaps: [], complete: true });
      expect(situationOf(await look())).toMatchObject({
        is: 'vanished',
        because: expect.stringContaining(NEW) as string,
      });
    });

    test('and that nobody shows, as this case has seen it end', async () => {
      world.ledger = present({ runs: [], points: [], watchedSince: 0, gaps: [], complete: true });
      const look = (state: string | null) =>
        assessRun(deps, { job: JOB, submitted: [NEW], own: { ...own, state } }, signal).then(situationOf);
      expect(await look('CANCELED')).toMatchObject({ is: 'ended', run: NEW, state: 'CANCELED' });
      expect(await look('FAILED')).toMatchObject({ is: 'abandoned', run: NEW });
      expect(await look(null)).toMatchObject({ is: 'abandoned', run: WRITER });
    });

    test('and that Flink shows: it is as Flink shows it', async () => {
      world.runs.push(fakeRun({ run: NEW, state: 'FAILED', startTime: 19_000 }));
      expect(situationOf(await look()).is).toBe('abandoned');
    });
  });

  const situation = async () => situationOf(await assessRun(deps, { job: JOB, submitted: [] }, signal)).is;
  const haJob = { run: WRITER, graph: true, checkpoints: [], counter: 9 };
  const rows: readonly [promise: string, change: () => void, expected: string][] = [
    ['the incident is abandoned', () => undefined, 'abandoned'],
    [
      'an unanswered ZooKeeper is unknown',
      () => void (world.ha = unknown(fault('HaStoreUnavailable', 'x'))),
      'unknown',
    ],
    [
      'a cluster node that is not there is a wrong configuration, not "no HA data"',
      () => void (world.ha = absent),
      'unknown',
    ],
    [
      'an unanswered JobManager is unknown',
      () => void (world.flinkDown = fault('FlinkUnavailable', 'x')),
      'unknown',
    ],
    [
      'another cluster id in Flink stops everything',
      () => void (world.settings['high-availability.cluster-id'] = '/other'),
      'unknown',
    ],
    [
      'slashes do not make another cluster id',
      () => void (world.settings['high-availability.cluster-id'] = 'default/'),
      'abandoned',
    ],
    ['the unreadable job result store is unknown', () => void (world.storageDown = refused), 'unknown'],
    ['HA data of the run holds it', () => void (world.ha = present({ jobs: [haJob], leader: null })), 'held'],
    [
      'HA data that nobody can attribute is unknown',
      () => void (world.ha = present({ jobs: [{ ...haJob, run: NEW }], leader: null })),
      'unknown',
    ],
    [
      "another job's HA data is its own",
      () => {
        world.ha = present({ jobs: [{ ...haJob, run: NEW }], leader: null });
        world.runs.push(fakeRun({ run: NEW, name: 'other', state: 'RUNNING' }));
      },
      'abandoned',
    ],
    [
      'an empty job result is a dead end',
      () => {
        world.ha = present({ jobs: [haJob], leader: null });
        world.files.set(
          `hdfs://nn:8020/flink/ha/job-result-store/default/${WRITER}_DIRTY.json`,
          new Uint8Array(),
        );
      },
      'dead-end',
    ],
  ];
  test.each(rows)('%s', async (_promise, change, expected) => {
    change();
    expect(await situation()).toBe(expected);
    expect(world.acts).toEqual([]);
  });
});

describe('fetchPointer', () => {
  const ladder = async () => buildLadder(await fetchPointer(deps, { job: JOB, submitted: [] }, signal), null);

  test('names every checkpoint once, newest first, with all sources that know it', async () => {
    const { rungs, unknown: blind } = await ladder();
    expect(rungs.map((r) => r.point.path)).toEqual([chk(8), chk(7), chk(6)]);
    expect(rungs[0]?.sources).toEqual(['flink', 'directory']);
    expect(blind).toEqual([]);
  });

  test('looks into the directory of a run that only this case knows', async () => {
    world.files.set(`${chk(9, NEW)}/_metadata`, new Uint8Array([1]));
    world.ledger = present({ runs: [], points: [], watchedSince: 0, gaps: [], complete: true });
    const own = { run: NEW, point: chk(8), started: 20_000, state: 'RUNNING', seen: 30_000 };
    const pointers = await fetchPointer(deps, { job: JOB, submitted: [NEW], own }, signal);
    expect(buildLadder(pointers, null).rungs[0]?.point.path).toBe(chk(9, NEW));
  });

  test('a checkpoint directory without _metadata is no restore point', async () => {
    world.files.set(`${chk(9)}/some-state`, new Uint8Array([1]));
    expect((await ladder()).rungs[0]?.point.path).toBe(chk(8));
  });

  test('a checkpoint that only the directory knows comes first: its id is newer', async () => {
    world.files.set(`${chk(9)}/_metadata`, new Uint8Array([1]));
    expect((await ladder()).rungs[0]?.point.path).toBe(chk(9));
  });

  test('a storage that is away leaves its sources unknown, and never empty', async () => {
    world.storageDown = refused;
    const { unknown: blind, rungs } = await ladder();
    expect(blind).toContainEqual(refused);
    // What Flink remembers is still named: the pointer is kept.
    expect(rungs[0]?.point.path).toBe(chk(8));
  });

  test('a run that was restored leads on to the points of the run before it', async () => {
    const restored = { id: '8', path: chk(8), savepoint: true, time: 1 };
    const checkpoints = { ...noCheckpoints, restored, latestCompleted: null };
    world.runs.push(fakeRun({ run: NEW, startTime: 5_000, checkpoints }));
    expect((await ladder()).rungs[0]?.point.path).toBe(chk(8));
    expect((await ladder()).branch).toBeNull();
  });
});

describe('readState', () => {
  test('a whole checkpoint is sound, with its digest and its Kafka positions', async () => {
    const facts = soundFacts(await verdictOn(8));
    expect(facts).toMatchObject({ formatVersion: 4, checkpointId: '8' });
    expect(facts.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(facts.partitions).toBeGreaterThan(0);
    expect(facts.files).toBeGreaterThan(0);
    expect(world.acts).toEqual([]);
  });

  const stateFile = (id: number) =>
    [...world.files.keys()].find((f) => f.startsWith(chk(id)) && !f.endsWith('_metadata')) ?? '';

  test('a missing state file is broken after two looks, confirmAfter apart, with a write between them', async () => {
    world.files.delete(stateFile(8));
    let proofs = 0;
    world.onProof = (count) => (proofs = count);
    const before = world.now;
    expect(await verdictOn(8)).toMatchObject({ is: 'broken', reasons: [{ code: 'StateMissing' }] });
    expect(world.now - before).toBeGreaterThanOrEqual(5_000);
    expect(proofs).toBe(3);
  });

  test('a file that is back at the second look makes it sound', async () => {
    const file = stateFile(8);
    const bytes = world.files.get(file) ?? new Uint8Array();
    world.files.delete(file);
    world.onProof = (count) => void (count === 2 && world.files.set(file, bytes));
    expect((await verdictOn(8)).is).toBe('sound');
  });

  test('what is called broken was looked at twice, confirmAfter apart, with writes accepted before, between and after', async () => {
    world.files.delete(stateFile(8));
    const proofs: number[] = [];
    world.onProof = () => void proofs.push(world.now);
    expect((await verdictOn(8)).is).toBe('broken');
    const [before = 0, between = 0, after = 0] = proofs;
    expect(proofs).toHaveLength(3);
    expect(between - before).toBeGreaterThanOrEqual(5_000);
    expect(after).toBeGreaterThanOrEqual(between);
  });

  test('no write accepted between the two looks: nothing is called broken', async () => {
    world.files.delete(stateFile(8));
    world.onProof = (count) =>
      void (count === 2 && (world.storageDown = fault('StorageNotWritable', 'no DataNode', 'nn:9870')));
    await expect(verdictOn(8)).rejects.toMatchObject({ fault: { code: 'StorageNotWritable' } });
  });

  test('two looks of two NameNodes prove nothing', async () => {
    world.files.delete(stateFile(8));
    world.onProof = (count) => void (count === 2 && (world.identity = 'nn2 started at 2'));
    expect(await verdictOn(8)).toMatchObject({ is: 'unknown' });
  });

  test('a file of the wrong length, a cut and an empty metadata are broken', async () => {
    const file = stateFile(8);
    world.files.set(file, (world.files.get(file) ?? new Uint8Array()).subarray(1));
    expect(await verdictOn(8)).toMatchObject({ is: 'broken', reasons: [{ code: 'StateCorrupt' }] });
    const metadata = world.files.get(`${chk(7)}/_metadata`) ?? new Uint8Array();
    world.files.set(`${chk(7)}/_metadata`, metadata.subarray(0, 700));
    expect(await verdictOn(7)).toMatchObject({ is: 'broken', reasons: [{ code: 'StateCorrupt' }] });
    world.files.set(`${chk(6)}/_metadata`, new Uint8Array());
    expect(await verdictOn(6)).toMatchObject({ is: 'broken' });
  });

  test('a storage that is away is a failed attempt, never a verdict', async () => {
    world.storageDown = refused;
    await expect(verdictOn(8)).rejects.toMatchObject({ fault: { code: 'StorageUnavailable' } });
  });
});

describe('checkOffsets and resumeOffsets', () => {
  const point = pointFromPath(chk(8));
  const positions = async () => soundFacts(await verdictOn(8)).positions.filter((p) => /^\d+$/.test(p.next));
  const fillLog = async (change: (next: bigint) => { start: bigint; end: bigint }) => {
    for (const p of await positions()) {
      const ranges = world.log.get(p.topic) ?? [];
      world.log.set(p.topic, [...ranges, { partition: p.partition, ...change(BigInt(p.next)) }]);
    }
  };

  test('positions inside the log are in range, and the first needed record has time left', async () => {
    await fillLog((next) => ({ start: 0n, end: next + 5n }));
    const check = await checkOffsets(deps, { job: JOB, point }, signal);
    expect(check).toMatchObject({
      is: 'present',
      value: { gone: [], replaced: [], expires: { inMs: 40_000 } },
    });
  });

  test('an unanswered Kafka is unknown', async () => {
    world.kafkaDown = fault('KafkaUnavailable', 'x');
    expect(await checkOffsets(deps, { job: JOB, point }, signal)).toMatchObject({
      is: 'unknown',
      because: { code: 'KafkaUnavailable' },
    });
  });

  test('names the command that gives the first needed record more time', async () => {
    await fillLog((next) => ({ start: 0n, end: next + 5n }));
    const check = await checkOffsets(deps, { job: JOB, point }, signal);
    expect(check.is === 'present' && check.value.expires?.extend).toMatch(
      /--add-config retention.ms=86460000$/,
    );
  });

  test('a log that ends before where the group was once is another log', async () => {
    await fillLog((next) => ({ start: 0n, end: next + 5n }));
    const [p] = await positions();
    if (p === undefined) throw new Error('the fixture has positions');
    world.committed = [{ topic: p.topic, partition: p.partition, offset: BigInt(p.next) + 6n }];
    const check = await checkOffsets(deps, { job: JOB, point }, signal);
    expect(check).toMatchObject({
      value: { replaced: [expect.stringContaining('the consumer group was at') as string] },
    });
  });

  test('a last record that is younger than the state is of another log', async () => {
    await fillLog((next) => ({ start: 0n, end: next + 5n }));
    world.now = 100_000_000;
    const taken = { ...point, time: world.now - 3_600_000 };
    const check = await checkOffsets(deps, { job: JOB, point: taken }, signal);
    expect(check.is === 'present' && check.value.replaced.length).toBe((await positions()).length);
    world.timeAt = () => taken.time - 1_000;
    expect(await checkOffsets(deps, { job: JOB, point: taken }, signal)).toMatchObject({
      value: { replaced: [] },
    });
  });

  test('the transaction that an exactly-once sink waits for was begun a checkpoint interval before', async () => {
    await fillLog((next) => ({ start: 0n, end: next + 5n }));
    deps = depsOf(world, (config) =>
      config.replace(
        'group: window-counts }',
        'group: window-counts, sink: { guarantee: exactly-once, transactionTimeout: 60s } }',
      ),
    );
    const check = await checkOffsets(deps, { job: JOB, point: { ...point, time: 90_000 } }, signal);
    expect(check).toMatchObject({ value: { transactions: { outageMs: 11_000, timeoutMs: 60_000 } } });
  });

  test('a topic that is gone is another log', async () => {
    const check = await checkOffsets(deps, { job: JOB, point }, signal);
    expect(check.is === 'present' && check.value.replaced.length).toBeGreaterThan(0);
  });

  test('the group gets exactly the concrete positions, and what it had is remembered', async () => {
    world.committed = [{ topic: 't', partition: 0, offset: 3n }];
    const done = await resumeOffsets(deps, { job: JOB, point: point.path }, signal);
    expect(done).toMatchObject({ group: 'window-counts', left: null });
    const [p] = await positions();
    expect(done.before).toContain(`${p?.topic}/${p?.partition}=none`);
    expect(world.committed.map((c) => c.offset.toString()).sort()).toEqual(
      (await positions()).map((p) => p.next).sort(),
    );
  });

  test('a group that somebody else commits to, or that is also of another job, is left alone', async () => {
    let look = 0n;
    const moving = { topic: 't', partition: 0 };
    Object.defineProperty(world, 'committed', { get: () => [{ ...moving, offset: look++ }] });
    expect(await resumeOffsets(deps, { job: JOB, point: point.path }, signal)).toMatchObject({
      committed: 0,
      left: 'the group does not stand still: somebody commits',
    });
    deps = depsOf(world, (config) => {
      const job = config.slice(config.indexOf('  window-counts:'));
      return config + job.replace('window-counts:', 'twin:').replace('name: window counts', 'name: twin');
    });
    expect(await resumeOffsets(deps, { job: JOB, point: point.path }, signal)).toMatchObject({
      committed: 0,
      left: 'the group is also that of job twin',
    });
    expect(world.acts).toEqual([]);
  });

  test('a group is left alone while a run of the job is alive, or nobody can tell whether one is', async () => {
    const ask = () => resumeOffsets(deps, { job: JOB, point: point.path }, signal);
    world.runs = world.runs.map((r) => ({ ...r, state: 'RUNNING' }));
    expect(await ask()).toMatchObject({ committed: 0, fault: { code: 'FlinkRestarting' } });
    world.flinkDown = fault('FlinkUnavailable', 'connection refused');
    expect(await ask()).toMatchObject({ committed: 0, fault: { code: 'FlinkUnavailable' } });
    const kafkaFrom = (await positions()).map((p) => `${p.topic}/${p.partition}=${p.next}`).join();
    await fillLog((next) => ({ start: 0n, end: next + 100n }));
    const start = setStart(deps, { job: JOB, kafkaFrom, gaveUp: [] }, signal);
    await expect(start).rejects.toMatchObject({ fault: { code: 'FlinkUnavailable' } });
    expect(world.acts).toEqual([]);
  });

  test('a group in use is left alone, and a refused commit is noted, not thrown', async () => {
    world.members = 1;
    expect(await resumeOffsets(deps, { job: JOB, point: point.path }, signal)).toMatchObject({
      committed: 0,
    });
    world.members = 0;
    world.kafkaDown = fault('KafkaUnavailable', 'x');
    expect(await resumeOffsets(deps, { job: JOB, point: point.path }, signal)).toMatchObject({
      committed: 0,
      fault: { code: 'KafkaUnavailable' },
    });
    expect(world.acts).toEqual([]);
  });
});

describe('restoreJob', () => {
  const input = async (): Promise<RestoreInput> => ({
    job: JOB,
    run: NEW,
    point: pointFromPath(chk(8)),
    sha256: soundFacts(await verdictOn(8)).sha256,
    submitted: [NEW],
    consented: false,
    repeated: false,
  });

  test('submits the verified point with the recorded run id', async () => {
    expect(await restoreJob(deps, await input(), signal)).toMatchObject({ is: 'accepted' });
    expect(world.submissions).toMatchObject([{ run: NEW, savepointPath: chk(8), args: ['--window', '15m'] }]);
  });

  test('finds its own run and submits nothing', async () => {
    world.runs.push(fakeRun({ run: NEW, state: 'RUNNING' }));
    expect(await restoreJob(deps, await input(), signal)).toMatchObject({ is: 'duplicate' });
    world.runs = [fakeRun(), fakeRun({ run: NEW, state: 'FAILED' })];
    expect(await restoreJob(deps, await input(), signal)).toMatchObject({ is: 'ended' });
    expect(world.acts).toEqual([]);
  });

  test.each([
    [
      'another run of the job is alive',
      () => world.runs.push(fakeRun({ run: runId('c'.repeat(32)), state: 'RUNNING' })),
    ],
    ['a person has cancelled meanwhile', () => (world.runs = [fakeRun({ state: 'CANCELED' })])],
    [
      'Flink holds its HA data again',
      () =>
        (world.ha = present({
          jobs: [{ run: WRITER, graph: true, checkpoints: [], counter: 1 }],
          leader: null,
        })),
    ],
    ['ZooKeeper cannot be read', () => (world.ha = unknown(fault('HaStoreUnavailable', 'x')))],
    [
      'the metadata is not the one that was verified',
      () => world.files.set(`${chk(8)}/_metadata`, new Uint8Array([1])),
    ],
    ['the metadata cannot be read any more', () => (world.storageDown = refused)],
  ])('submits nothing when %s', async (_when, change) => {
    const prepared = await input();
    change();
    await expect(restoreJob(deps, prepared, signal)).rejects.toThrow();
    expect(world.submissions).toEqual([]);
  });

  test('a repetition that fails leaves the submission in doubt', async () => {
    const prepared = { ...(await input()), repeated: true };
    world.onSubmit = () => {
      throw failure('StorageUnavailable', 'Flink could not reach HDFS');
    };
    await expect(restoreJob(deps, prepared, signal)).rejects.toMatchObject({
      fault: { code: 'SubmitInDoubt' },
    });
    await expect(restoreJob(deps, { ...prepared, repeated: false }, signal)).rejects.toMatchObject({
      fault: { code: 'StorageUnavailable' },
    });
  });
});

describe('awaitReturn', () => {
  const wait = (seenDown: boolean, { atLeast = 0, atMost = 600_000, spent = 0 } = {}) =>
    awaitReturn(
      deps,
      { job: JOB, dependency: 'storage', stableFor: 2_000, seenDown, atLeast, atMost },
      signal,
      quiet,
      spent,
    );

  test('a dependency that is up already gives no early wake, and is asked only once', async () => {
    let proofs = 0;
    world.onProof = (count) => (proofs = count);
    const before = world.now;
    expect(await wait(false, { atMost: 60_000 })).toEqual({ is: 'time is up' });
    expect(world.now - before).toBe(60_000);
    expect(proofs).toBe(1);
  });

  test('ends when its time is up and the dependency is still away; a retry waits only for what is left', async () => {
    world.storageDown = refused;
    const before = world.now;
    expect(await wait(true, { atMost: 9_000 })).toEqual({ is: 'time is up' });
    expect(world.now - before).toBe(9_000);
    expect(await wait(true, { atMost: 9_000, spent: 6_000 })).toEqual({ is: 'time is up' });
    expect(world.now - before).toBe(12_000);
  });

  test('a dependency that is back at once ends the wait no earlier than atLeast', async () => {
    const before = world.now;
    expect(await wait(true, { atLeast: 5_000 })).toMatchObject({ is: 'returned' });
    expect(world.now - before).toBeGreaterThanOrEqual(5_000);
    expect(world.now - before).toBeLessThan(5_500);
  });

  test('returns when it was down and then up in two probes, stableFor apart', async () => {
    world.storageDown = refused;
    const upAt: number[] = [];
    world.onProof = (count) => {
      if (count === 4) world.storageDown = null;
      if (world.storageDown === null) upAt.push(world.now);
    };
    const back = await wait(false);
    expect(back).toMatchObject({ is: 'returned' });
    expect((upAt.at(-1) ?? 0) - (upAt[0] ?? 0)).toBeGreaterThanOrEqual(2_000);
  });

  test('a dependency that flaps between the probes is not back', async () => {
    world.storageDown = refused;
    let ups = 0;
    world.onProof = (count) => {
      world.storageDown = count > 20 || count % 4 === 0 ? null : refused;
      if (world.storageDown === null && count <= 20) ups++;
    };
    const before = world.now;
    expect(await wait(true)).toMatchObject({ is: 'returned' });
    expect(ups).toBeGreaterThan(2);
    expect(world.now - before).toBeGreaterThanOrEqual(2_000 + 19 * 250);
  });
});

describe('watchJobs', () => {
  const watch = (ledgers = {}) =>
    watchJobs(deps, { cluster: clusterName('counts'), ledgers, lastLook: null, noted: {} }, signal, quiet);

  test('remembers runs and points, and raises an alert when a run that was alive has failed', async () => {
    world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
    const healthy = await watch();
    expect(healthy.alerts).toEqual([]);
    expect(healthy.ledgers).toMatchObject({
      [JOB]: {
        points: [{ id: '8' }, { id: '7' }, { id: '6' }],
        runs: [{ state: 'RUNNING', restoredFrom: { is: 'nothing' } }],
      },
    });
    world.runs = [fakeRun()];
    const failed = await watch(healthy.ledgers);
    expect(failed.alerts).toMatchObject([{ source: 'watch', job: JOB, run: WRITER }]);
    expect((await watch(failed.ledgers)).alerts).toEqual([]);
  });

  test('raises an alert when a run disappears with its JobManager, after a grace for the next one', async () => {
    world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
    const healthy = await watch();
    world.flinkDown = fault('FlinkUnavailable', 'connection refused', 'jm:8081');
    world.ha = present({ jobs: [], leader: null });
    const since = world.now;
    const lost = await watch(healthy.ledgers);
    expect(lost.alerts).toMatchObject([{ source: 'watch', job: JOB, run: WRITER }]);
    expect(lost.alerts[0]?.summary).toContain('ZooKeeper has recorded no leader');
    // Flink's session time-out, and a minute for the start.
    expect(world.now - since).toBe(120_000);
  });

  test('does not count a run as lost while ZooKeeper names a leader', async () => {
    world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
    const healthy = await watch();
    world.flinkDown = fault('FlinkUnavailable', 'connection refused', 'jm:8081');
    expect((await watch(healthy.ledgers)).alerts).toEqual([]);
  });

  test('an outage within one call is a gap in the ledger too', async () => {
    world.runs = [fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } })];
    const healthy = await watch();
    world.flinkDown = fault('FlinkUnavailable', 'connection refused', 'jm:8081');
    const from = world.now;
    const beat = () => {
      if (world.now - from >= 70_000) world.flinkDown = null;
    };
    const input = { cluster: clusterName('counts'), noted: {}, ledgers: healthy.ledgers, lastLook: from };
    const seen = await watchJobs(deps, input, signal, beat);
    expect(seen.ledgers).toMatchObject({ [JOB]: { complete: false, gaps: [{ from, to: from + 80_000 }] } });
  });

  test('a cancelled run is nobody to wake', async () => {
    world.runs = [fakeRun({ state: 'CANCELED' })];
    expect((await watch()).alerts).toEqual([]);
  });

  test('a time without looks is a gap in the ledger', async () => {
    const first = await watch();
    world.now += 10 * 60_000;
    const later = await watchJobs(
      deps,
      { cluster: clusterName('counts'), ledgers: first.ledgers, lastLook: first.lastLook, noted: {} },
      signal,
      quiet,
    );
    expect(later.ledgers).toMatchObject({ [JOB]: { complete: false } });
  });
});
