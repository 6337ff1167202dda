/** Promise 1. A job is submitted with an explicit, verified restore point, or not at all. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { runId } from '../../domain/ids.js';
import { PRESETS } from '../../domain/policy.js';
import { absent, present } from '../../domain/reading.js';
import { startJob } from '../../activities/start-job.js';
import { fault } from '../../domain/failure.js';
import { attempt, type AttemptOptions } from '../support/attempt.js';
import {
  chk,
  depsOf,
  fakeRun,
  fillLog,
  incident,
  noCheckpoints,
  WRITER,
  type World,
} from '../support/fake-ports.js';

const NEW = runId('b'.repeat(32));
const IDS = [6, 7, 8] as const;
const damage = fc.constantFrom('none', 'no metadata', 'cut metadata', 'no state file', 'no directory');

describe('never blank by accident', () => {
  test('whatever is damaged, a submission names a checkpoint of which every file is there', async () => {
    const damages = fc.record({
      6: damage,
      7: damage,
      8: damage,
      flinkForgot: fc.boolean(),
      policy: fc.constantFrom('strict', 'keep-going'),
    });
    await fc.assert(
      fc.asyncProperty(damages, async (d) => {
        const world = incident();
        await fillLog(world);
        if (d.flinkForgot) world.runs = [fakeRun({ checkpoints: noCheckpoints })];
        for (const id of IDS) {
          const own = [...world.files.keys()].filter((f) => f.startsWith(`${chk(id)}/`));
          const metadata = `${chk(id)}/_metadata`;
          if (d[id] === 'no metadata') world.files.delete(metadata);
          if (d[id] === 'cut metadata')
            world.files.set(metadata, (world.files.get(metadata) ?? new Uint8Array()).subarray(0, 500));
          if (d[id] === 'no state file') world.files.delete(own.find((f) => f !== metadata) ?? '');
          if (d[id] === 'no directory') own.forEach((f) => world.files.delete(f));
        }
        await attempt(depsOf(world), { run: NEW, policy: PRESETS[d.policy as 'strict'] });
        const newestWhole = [...IDS].reverse().find((id) => d[id] === 'none');
        for (const submission of world.submissions)
          expect(submission.savepointPath).toBe(newestWhole === undefined ? 'never' : chk(newestWhole));
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  test('with no restore point at all nothing is submitted: it asks, or says what was lost', async () => {
    const world = incident();
    for (const file of [...world.files.keys()]) if (file.includes(WRITER)) world.files.delete(file);
    world.runs = [fakeRun({ checkpoints: noCheckpoints })];
    world.ledger = absent;
    expect(await attempt(depsOf(world), { run: NEW })).toMatchObject({
      do: 'ask',
      plan: { about: 'nothing to restore' },
    });
    world.ledger = present({
      runs: [],
      points: [{ path: chk(8), kind: 'checkpoint', id: '8', run: WRITER, time: 1, terminating: false }],
      watchedSince: 0,
      gaps: [],
      complete: true,
    });
    expect(world.submissions).toEqual([]);
    const lost = await attempt(depsOf(world), { run: NEW });
    expect(['abort', 'ask']).toContain(lost.do);
    expect(world.submissions).toEqual([]);
  });
});

/** The one other way: a person's `--from-nothing`, with a reason and a point in Kafka; or a watched first start. */
describe('from nothing only by a word, and from a point in Kafka that is proved', () => {
  const said = { by: 'ada', reason: 'the state is lost for good', kafkaFrom: 'events/0=12,events/1=7' };
  let world: World;
  const log = (...ranges: readonly (readonly [number, number])[]) =>
    world.log.set(
      'events',
      ranges.map(([start, end], partition) => ({ partition, start: BigInt(start), end: BigInt(end) })),
    );
  const start = (change: Partial<AttemptOptions> = {}, topics = '[events]') =>
    attempt(
      depsOf(world, (config) =>
        config.replace('group: window-counts }', `group: window-counts, topics: ${topics} }`),
      ),
      { run: NEW, fromNothing: said, ...change },
    );

  beforeEach(() => {
    world = incident();
    for (const file of [...world.files.keys()]) if (file.includes(WRITER)) world.files.delete(file);
    world.runs = [fakeRun({ checkpoints: noCheckpoints })];
    log([0, 20], [5, 30]);
  });

  test('the group stands at the given offsets before the job is submitted without a restore point', async () => {
    expect(await start()).toEqual({ do: 'started', start: ['events/0=12', 'events/1=7'], gaveUp: [] });
    expect(world.acts).toEqual(['commit window-counts', `submit ${NEW}`]);
    expect(world.committed).toEqual([
      { topic: 'events', partition: 0, offset: 12n },
      { topic: 'events', partition: 1, offset: 7n },
    ]);
    expect(world.submissions).toMatchObject([{ savepointPath: null }]);
  });

  test.each([
    ['earliest', ['events/0=0', 'events/1=5']],
    ['latest', ['events/0=20', 'events/1=30']],
    ['2026-11-23T08:00:00Z', ['events/0=19', 'events/1=29']],
  ])('%s is resolved for every partition before anything is submitted', async (kafkaFrom, expected) => {
    expect(await start({ fromNothing: { ...said, kafkaFrom } })).toMatchObject({ start: expected });
  });

  test.each<[promise: string, change: () => void, options: Partial<AttemptOptions>, code: string]>([
    [
      'a partition is left out',
      () => undefined,
      { fromNothing: { ...said, kafkaFrom: 'events/0=12' } },
      'ConfigInvalid',
    ],
    [
      'a partition is named that the job does not read',
      () => undefined,
      { fromNothing: { ...said, kafkaFrom: `${said.kafkaFrom},other/0=1` } },
      'ConfigInvalid',
    ],
    ['an offset lies outside the log', () => void log([0, 20], [8, 30]), {}, 'OffsetsGone'],
    ['the group is in use', () => void (world.members = 1), {}, 'TwinRunning'],
    [
      'the offsets cannot be committed',
      () => void (world.onCommit = () => fault('KafkaUnavailable', 'no answer')),
      {},
      'KafkaUnavailable',
    ],
    [
      'somebody moves the group before the submission',
      () => void (world.onCommit = () => void (world.committed = [])),
      {},
      'TwinRunning',
    ],
    [
      'Kafka cannot be asked',
      () => void (world.kafkaDown = fault('KafkaUnavailable', 'x')),
      {},
      'KafkaUnavailable',
    ],
  ])('nothing is submitted when %s', async (_promise, change, options, code) => {
    change();
    expect(await start(options)).toMatchObject({ do: 'fail', fault: { code } });
    expect(world.submissions).toEqual([]);
  });

  test('nothing is submitted while nobody names the topics', async () => {
    expect(await start({ fromNothing: { ...said, kafkaFrom: 'earliest' } }, '[]')).toMatchObject({
      do: 'fail',
      fault: { code: 'ConfigInvalid', message: expect.stringContaining('kafka.topics') as string },
    });
    expect(world.acts).toEqual([]);
  });

  test('a sound point is only given up by a second word, and the topics are those of its positions', async () => {
    world = incident();
    await fillLog(world);
    const fromNothing = { ...said, kafkaFrom: 'latest' };
    const asked = await start({ fromNothing }, '[]');
    expect(asked).toMatchObject({ do: 'ask', plan: { about: 'from nothing' } });
    expect(world.acts).toEqual([]);
    if (asked.do !== 'ask') throw new Error('it asks');
    const started = await start({ fromNothing, approved: [asked.plan.digest] }, '[]');
    expect(started).toMatchObject({ do: 'started', gaveUp: [{ path: chk(8), verdict: 'sound' }] });
    expect(world.submissions).toMatchObject([{ savepointPath: null }]);
  });

  test('a storage that is away is asked about, not taken for empty', async () => {
    world.storageDown = fault('StorageUnavailable', 'connection refused', 'nn:9870');
    // The job result store lies there too: who brings the job back is not known.
    expect(await start()).toMatchObject({ do: 'fail', fault: { code: 'StorageUnavailable' } });
    expect(world.acts).toEqual([]);
  });

  test('the step that submits refuses without a name, a reason or a start', async () => {
    const input = { job: 'window-counts', run: NEW, submitted: [], repeated: false, start: ['events/0=1'] };
    const { signal } = new AbortController();
    for (const change of [
      { from: { ...said, reason: ' ' } },
      { from: { ...said, by: '' } },
      { from: said, start: [] },
    ])
      await expect(startJob(depsOf(world), { ...input, ...change }, signal)).rejects.toMatchObject({
        fault: { code: 'ConfigInvalid' },
      });
    expect(world.submissions).toEqual([]);
  });

  test('a program that is told where to start gets the resolved offsets, and with a restore point the word committed', async () => {
    const told = (config: string) =>
      config
        .replace("args: ['--window', '15m']", "args: ['--start', '{kafkaFrom}']")
        .replace('group: window-counts }', 'topics: [events] }');
    await attempt(depsOf(world, told), { run: NEW, fromNothing: said });
    expect(world.submissions[0]).toMatchObject({
      args: ['--start', 'events/0=12,events/1=7'],
      savepointPath: null,
    });
    expect(world.acts).toEqual([`submit ${NEW}`]);
    world = incident();
    await fillLog(world);
    await attempt(depsOf(world, told), { run: NEW });
    expect(world.submissions[0]).toMatchObject({ args: ['--start', 'committed'], savepointPath: chk(8) });
  });
});
