/** Promise 8. Flink restored the chosen point, a newer checkpoint completed, the positions moved on: not before. */
import { beforeEach, describe, expect, test } from 'vitest';
import { confirmRestored } from '../../activities/confirm-restored.js';
import type { Deps } from '../../activities/deps.js';
import { fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { present } from '../../domain/reading.js';
import {
  chk,
  completed,
  depsOf,
  fakeRun,
  fillLog,
  incident,
  noCheckpoints,
  WRITER,
  writePoint,
  type World,
} from '../support/fake-ports.js';

const JOB = 'window-counts';
const NEW = runId('b'.repeat(32));
const { signal } = new AbortController();
const quiet = () => undefined;

let world: World;
let deps: Deps;
beforeEach(async () => {
  world = incident();
  // The positions of the fixtures do not differ: everything is read.
  await fillLog(world, 0n);
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

/** The same run on a topic of two partitions: restored at 100 and 200, with a newer checkpoint at 150 and 260. */
describe('records since the restore', () => {
  let point: string;
  let newer: string;
  const log = (one: readonly [number, number], two: readonly [number, number]) =>
    world.log.set(
      'events',
      [one, two].map(([start, end], partition) => ({ partition, start: BigInt(start), end: BigInt(end) })),
    );
  const reached = (one: number, two: number) => {
    newer = writePoint(world, 13, NEW, [one, two]);
  };
  const counted = (read: number, one: number, two: number) => {
    world.sourceCount = present({
      read: BigInt(read),
      positions: [one, two].map((offset, partition) => ({
        topic: 'events',
        partition,
        offset: BigInt(offset),
      })),
    });
  };
  const submitted = () => {
    world.runs.push(
      fakeRun({
        run: NEW,
        state: 'RUNNING',
        endTime: null,
        tasks: { RUNNING: 4 },
        checkpoints: {
          ...noCheckpoints,
          restored: { id: '12', path: point, savepoint: true, time: 1 },
          latestCompleted: completed(13, NEW),
        },
      }),
    );
  };
  const confirm = (gone: readonly { topic: string; partition: number; records: string }[] = []) =>
    confirmRestored(deps, { job: JOB, run: NEW, point, gone }, signal, quiet);

  beforeEach(() => {
    point = writePoint(world, 12, WRITER, [100, 200]);
    reached(150, 260);
    log([0, 160], [0, 260]);
    submitted();
  });

  test('all of them read is resumed, and the sum says so', async () => {
    counted(110, 150, 260);
    const proof = await confirm();
    expect(proof).toMatchObject({ is: 'proved', skipped: [] });
    expect(proof.is === 'proved' && proof.proofs).toContain(
      '110 records were read for 110 offsets: every one',
    );
  });

  test('a log that lost records between the check and the restore is a gap, with its exact number', async () => {
    log([120, 160], [0, 260]);
    counted(90, 150, 260);
    expect(await confirm()).toMatchObject({
      is: 'proved',
      skipped: [{ topic: 'events', partition: 0, from: '100', to: '120', atLeast: '20', atMost: '20' }],
    });
  });

  test('a source that jumped to the end of the log is a gap, although the next checkpoint looks well', async () => {
    log([101, 160], [0, 260]);
    counted(63, 150, 260);
    expect(await confirm()).toMatchObject({
      is: 'proved',
      skipped: [{ partition: 0, from: '100', to: '147', atLeast: '47', atMost: '47' }],
    });
  });

  test('records that fell out of the log after they were read are no gap', async () => {
    log([149, 160], [255, 260]);
    counted(110, 150, 260);
    expect(await confirm()).toMatchObject({ is: 'proved', skipped: [] });
  });

  test('without a count the gap has bounds: what was gone before, and what may be', async () => {
    log([120, 160], [0, 260]);
    const before = world.now;
    expect(await confirm([{ topic: 'events', partition: 0, records: '20' }])).toMatchObject({
      is: 'proved',
      skipped: [{ partition: 0, from: '100', atLeast: '20', atMost: '50' }],
    });
    expect(world.now - before, 'Flink is given the time to count').toBeGreaterThanOrEqual(20_000);
  });

  test('a topic that is written in transactions is not accused by its sum', async () => {
    world.transactional = true;
    counted(100, 150, 260);
    const proof = await confirm();
    expect(proof).toMatchObject({ is: 'proved', skipped: [] });
    expect(proof.is === 'proved' && proof.proofs.join()).toContain('ends of transactions');
  });

  test('a partition with more log whose position does not move is not proved', async () => {
    reached(150, 200);
    expect(await confirm()).toMatchObject({
      is: 'unproven',
      missing: expect.stringContaining('events/1 stands still') as string,
    });
  });

  test('a partition that has nothing more to read is', async () => {
    reached(150, 200);
    log([0, 160], [0, 200]);
    expect(await confirm()).toMatchObject({ is: 'proved', skipped: [] });
    expect(newer).toBe(chk(13, NEW));
  });

  test('a position that went back is not proved', async () => {
    reached(150, 199);
    expect(await confirm()).toMatchObject({
      is: 'unproven',
      missing: expect.stringContaining('went back') as string,
    });
  });

  test('a Kafka that cannot be asked proves nothing', async () => {
    world.kafkaDown = fault('KafkaUnavailable', 'no broker answers');
    expect(await confirm()).toMatchObject({
      is: 'unproven',
      missing: expect.stringContaining('no broker answers') as string,
    });
  });

  test('a second run of the same job that is alive is not a recovery', async () => {
    world.runs.push(fakeRun({ run: runId('c'.repeat(32)), state: 'RUNNING', endTime: null }));
    expect(await confirm()).toMatchObject({
      is: 'unproven',
      missing: expect.stringContaining('another run of the job is alive') as string,
    });
  });

  test('the clock goes on while tasks come up and checkpoints grow, and not for ever', async () => {
    const [, run] = world.runs;
    if (run === undefined) throw new Error('the run is there');
    let bytes = 0;
    const growing = {
      ...run,
      get checkpoints() {
        const at = { ...completed(13, NEW), status: 'IN_PROGRESS' as const, path: null, stateSize: bytes++ };
        return { ...run.checkpoints, latestCompleted: completed(12), history: [at] };
      },
    };
    world.runs = [fakeRun(), growing];
    const before = world.now;
    expect(await confirm()).toMatchObject({ is: 'unproven' });
    // Twice the interval and the time-out of the run are 10 s.
    expect(world.now - before).toBeGreaterThan(30_000);
    expect(world.now - before).toBeLessThan(60_000);
  });

  test("the operator's own check has the last word, is told the run, and is asked again", async () => {
    deps = depsOf(
      world,
      (config) => `${config}    policy: { confirm: { check: [./check.sh, '{runId}'] } }\n`,
    );
    let asked = 0;
    world.onCommand = () =>
      ++asked < 3
        ? { code: 1, out: '', because: fault('Unclassified', 'check.sh ended with exit code 1') }
        : { code: 0, out: '', because: null };
    const proof = await confirm();
    expect(proof.is === 'proved' && proof.proofs.at(-1)).toContain('your own check says yes');
    expect(world.acts).toEqual(Array(3).fill(`run ./check.sh ${NEW}`));

    world.onCommand = () => ({ code: 1, out: '', because: fault('Unclassified', 'sums differ') });
    expect(await confirm()).toMatchObject({
      is: 'unproven',
      missing: expect.stringContaining('sums differ') as string,
    });
  });

  test('a run that ends while the last proof is taken is dead', async () => {
    deps = depsOf(world, (config) => `${config}    policy: { confirm: { check: [./check.sh] } }\n`);
    world.onCommand = () => {
      world.runs = world.runs.map((run) => (run.run === NEW ? { ...run, state: 'FAILED' } : run));
      return { code: 0, out: '', because: null };
    };
    expect(await confirm()).toMatchObject({ is: 'dead', state: 'FAILED' });
  });

  describe('of a run that was started from nothing', () => {
    const start = ['events/0=100', 'events/1=200'];
    const confirmStart = () =>
      confirmRestored(deps, { job: JOB, run: NEW, point: 'nothing', start }, signal, quiet);
    const restored = (from: string | null) => {
      const [, run] = world.runs;
      if (run === undefined) throw new Error('the run is there');
      const was = from === null ? null : { id: '12', path: from, savepoint: true, time: 1 };
      world.runs = [fakeRun(), { ...run, checkpoints: { ...run.checkpoints, restored: was } }];
    };

    test('is proved when it restored nothing and read on from the start', async () => {
      restored(null);
      counted(110, 150, 260);
      const proof = await confirmStart();
      expect(proof).toMatchObject({ is: 'proved', skipped: [] });
      expect(proof.is === 'proved' && proof.proofs.join()).toContain('started at events/0=100, events/1=200');
    });

    test('is not proved when it restored something', async () => {
      restored(point);
      expect(await confirmStart()).toMatchObject({ is: 'unproven' });
    });

    test('is not proved when it began before the start', async () => {
      restored(null);
      reached(99, 260);
      expect(await confirmStart()).toMatchObject({ is: 'unproven' });
    });

    test('is not accused by a count that lacks what was read while it was taken', async () => {
      restored(null);
      const since = world.now;
      counted(89, 150, 260);
      const lagging = world.sourceCount;
      counted(130, 160, 270);
      const later = world.sourceCount;
      Object.defineProperty(world, 'sourceCount', {
        get: () => (world.now - since < 15_000 ? lagging : later),
      });
      const proof = await confirmStart();
      expect(proof).toMatchObject({ is: 'proved', skipped: [] });
      expect(proof.is === 'proved' && proof.proofs).toContain(
        '130 records were read for 130 offsets: every one',
      );
    });

    test('has a gap when it ignored the start and began later', async () => {
      restored(null);
      counted(75, 150, 260);
      expect(await confirmStart()).toMatchObject({
        is: 'proved',
        skipped: [
          { partition: 0, atLeast: '0', atMost: '35' },
          { partition: 1, atLeast: '0', atMost: '35' },
        ],
      });
    });
  });
});
