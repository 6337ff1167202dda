/** What a run leaves behind that no JobManager knows any more, and the fence that asks it before a submission. */
import { describe, expect, test } from 'vitest';
import { assessRun } from '../../activities/assess-run.js';
import { fetchPointer } from '../../activities/fetch-pointer.js';
import { readState } from '../../activities/read-state.js';
import { restoreJob } from '../../activities/restore-job.js';
import { resumeOffsets } from '../../activities/resume-offsets.js';
import { fault, faultOf, type Fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { emptyLedger } from '../../domain/ledger.js';
import { present } from '../../domain/reading.js';
import { pointFromPath } from '../../domain/restore-point.js';
import { exceptGroup, stillSince, type Stillness } from '../../domain/witness.js';
import { chk, depsOf, fillLog, incident, WRITER, type World } from '../support/fake-ports.js';

const JOB = 'window-counts';
const DIRECTORY = 'hdfs://nn:8020/flink/checkpoints/d2823c38b4fe5b0d4aad46b16633c563';
const { signal } = new AbortController();
/** Heartbeat and session time-outs of the configuration, milliseconds: Flink's defaults. */
const TIME_OUTS = 110_000;
const NEW = runId('e'.repeat(32));

/** The ledger saw the run RESTARTING; the JobManager that leads knows nothing, ZooKeeper neither. */
function forgotten(): World {
  const world = incident();
  world.runs = [];
  const last = {
    run: WRITER,
    started: 1_000,
    restoredFrom: { is: 'nothing' },
    state: 'RESTARTING',
    seen: world.now,
  } as const;
  const points = [8, 7, 6].map((id) => pointFromPath(chk(id)));
  world.ledger = present({ ...emptyLedger(0), runs: [last], points });
  return world;
}

const assess = (world: World, edit?: (config: string) => string) =>
  assessRun(depsOf(world, edit), { job: JOB, submitted: [] }, signal);

describe('what the run leaves behind', () => {
  test('is looked at when nobody brings the run back and nobody saw it end', async () => {
    const world = forgotten();
    await fillLog(world);
    const [topic] = [...world.log.keys()];
    world.committed = [{ topic: topic ?? '', partition: 0, offset: 7n }];
    const { traces } = await assess(world);
    expect(traces).toMatchObject({
      run: WRITER,
      quietAt: 100_000 + TIME_OUTS,
      apart: 50_000,
      where: DIRECTORY,
      groupId: JOB,
      group: present(`${topic}/0=7`),
    });
    expect(traces?.directory).toMatchObject({ is: 'present' });
    expect(JSON.stringify(traces?.directory)).toContain('chk-8, last changed in ');
  });

  test('shows a checkpoint that comes although nobody runs the job', async () => {
    const world = forgotten();
    const first = await assess(world);
    world.files.set(`${DIRECTORY}/chk-9/_metadata`, new Uint8Array(1));
    const second = await assess(world);
    expect(JSON.stringify(second.traces?.directory)).toContain('chk-9');
    const still = stillSince(null, first);
    expect(stillSince(still, second)?.since).toBe(second.at);
  });

  test('is nothing where the run has written nothing', async () => {
    const world = forgotten();
    for (const file of [...world.files.keys()]) if (file.startsWith(DIRECTORY)) world.files.delete(file);
    expect((await assess(world)).traces).toMatchObject({
      directory: { is: 'absent' },
      group: { is: 'absent' },
      groupId: null,
    });
  });

  test.each<[string, (config: string) => string]>([
    ['there is no group', (config) => config.replace(', group: window-counts }', ' }')],
    [
      'the group is that of another job too',
      (config) =>
        `${config}  other:\n    cluster: counts\n    launch: { command: [run, '{restorePath}', '{runId}'] }\n    kafka: { cluster: main, group: window-counts }\n`,
    ],
  ])('is the checkpoint directory alone where %s', async (_why, edit) => {
    const { traces } = await assess(forgotten(), edit);
    expect(traces).toMatchObject({ groupId: null, group: { is: 'absent' }, directory: { is: 'present' } });
  });

  test('a group that may not be looked at is no witness; a Kafka that is away leaves it open', async () => {
    const world = forgotten();
    world.kafkaDown = fault('AccessDenied', 'not authorized', 'window-counts');
    expect((await assess(world)).traces).toMatchObject({ groupId: null });
    world.kafkaDown = fault('KafkaUnavailable', 'no broker', 'k:9092');
    expect((await assess(world)).traces?.group).toMatchObject({ is: 'unknown' });
  });

  test('is not looked at where an end was seen, or Flink holds the job', async () => {
    expect((await assess(incident())).traces).toBeUndefined();
    const archived = forgotten();
    archived.archived = present({ state: 'FAILED' });
    const edit = (config: string) =>
      config.replace('    savepoints:', '    archive: hdfs://nn:8020/flink/archive\n    savepoints:');
    expect((await assess(archived, edit)).traces).toBeUndefined();
    const held = forgotten();
    held.ha = present({
      jobs: [{ run: WRITER, graph: true, checkpoints: [], counter: 9 }],
      leader: 'http://jm:8081',
    });
    expect((await assess(held)).traces).toBeUndefined();
  });
});

describe('the fence just before the submission', () => {
  /** What the attempt has done until then: looked twice, long enough apart, and read the point. */
  async function ready(world: World): Promise<Stillness | null> {
    let still = stillSince(null, await assess(world));
    world.now += TIME_OUTS;
    still = stillSince(still, await assess(world));
    return still;
  }
  async function submit(world: World, still: Stillness | null): Promise<Fault | string> {
    const deps = depsOf(world);
    await fetchPointer(deps, { job: JOB, submitted: [] }, signal);
    const verdict = await readState(
      deps,
      { job: JOB, point: pointFromPath(chk(8)) },
      signal,
      () => undefined,
    );
    if (verdict.is !== 'sound') throw new Error('the fixture is sound');
    const input = {
      job: JOB,
      run: NEW,
      point: pointFromPath(chk(8)),
      sha256: verdict.facts.sha256,
      submitted: [NEW],
      consented: false,
      repeated: false,
      still,
    };
    return restoreJob(deps, input, signal).then(({ is }) => is, faultOf);
  }

  test('submits when nothing has moved since the looks before', async () => {
    const world = forgotten();
    expect(await submit(world, await ready(world))).toBe('accepted');
    expect(world.submissions).toHaveLength(1);
  });

  test('refuses when nobody has looked before', async () => {
    const world = forgotten();
    world.now += TIME_OUTS;
    expect(await submit(world, null)).toMatchObject({ code: 'NotProvedDead' });
    expect(world.submissions).toEqual([]);
  });

  test('refuses when a checkpoint has come since', async () => {
    const world = forgotten();
    const still = await ready(world);
    world.files.set(`${DIRECTORY}/chk-9/_metadata`, new Uint8Array(1));
    expect(await submit(world, still)).toMatchObject({ code: 'NotProvedDead', where: DIRECTORY });
    expect(world.submissions).toEqual([]);
  });

  test('knows the offsets that the attempt has set itself, and refuses when somebody commits others', async () => {
    const world = forgotten();
    await fillLog(world);
    let still = await ready(world);
    const set = await resumeOffsets(depsOf(world), { job: JOB, point: chk(8) }, signal);
    expect(set).toMatchObject({ left: null });
    expect(await submit(world, still), 'without a word that it was us').toMatchObject({
      code: 'NotProvedDead',
      where: JOB,
    });
    still = exceptGroup(still);
    const [one, ...others] = world.committed;
    if (one === undefined) throw new Error('offsets were set');
    world.committed = [{ ...one, offset: one.offset + 1n }, ...others];
    expect(await submit(world, still)).toMatchObject({ code: 'NotProvedDead', where: JOB });
    expect(world.submissions).toEqual([]);
    world.committed = [one, ...others];
    expect(await submit(world, still)).toBe('accepted');
  });
});
