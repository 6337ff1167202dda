/** `mode: look` on a real Temporal server: the real steps over a world in memory, asked by client and command line. */
import { beforeEach, describe, expect, test } from 'vitest';
import { createActivities } from '../../activities/index.js';
import type { LookReport } from '../../domain/look.js';
import { fault } from '../../domain/failure.js';
import { chk, depsOf, fakeRun, fillLog, incident, type World } from '../support/fake-ports.js';
import { scripted } from '../support/scripted.js';
import { ONE_JOB } from '../support/temporal.js';

let world: World;

type Steps = ReturnType<typeof createActivities>;
/** Each test has its own world behind the same workers. */
const steps = new Proxy({} as Steps, {
  ownKeys: () => Object.keys(createActivities(depsOf(incident()))),
  getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  get: (_, name: keyof Steps) => (input: never) => createActivities(depsOf(world))[name](input),
});

const on = scripted({ ...steps }, { configuration: ONE_JOB });
const { holdfast } = on;
beforeEach(async () => {
  world = incident();
  await fillLog(world);
});

const alive = () => fakeRun({ state: 'RUNNING', endTime: null, tasks: { RUNNING: 4 } });

describe('a look', () => {
  test('of a healthy job says what would be restored, and touches nothing', async () => {
    world.runs = [alive()];
    const report = await on.client.look('window-counts');
    expect(report).toMatchObject({
      sound: true,
      would: { is: 'restore', point: chk(8) },
      situation: { is: 'healthy' },
    });
    expect(report.ladder[0]).toMatchObject({ path: chk(8), verdict: 'sound' });
    expect(report.offsets?.inRange).toBeGreaterThan(0);
    expect(report.timeLeft.map((l) => l.of)).toContain('kafka');
    expect(world.acts).toEqual([]);
    expect(world.submissions).toEqual([]);
  });

  test('goes on below a checkpoint that Flink has subsumed meanwhile', async () => {
    world.runs = [alive()];
    // The newest checkpoint vanishes while it is read: it was replaced, not lost.
    world.onProof = () => {
      for (const name of [...world.files.keys()]) if (name.startsWith(`${chk(8)}/`)) world.files.delete(name);
      const [run0] = world.runs;
      if (run0 !== undefined)
        world.runs = [
          {
            ...run0,
            checkpoints: {
              ...run0.checkpoints,
              latestCompleted: null,
              history: run0.checkpoints.history.slice(1),
            },
          },
        ];
      world.onProof = () => undefined;
    };
    const report = await on.client.look('window-counts');
    expect(report).toMatchObject({ sound: true, would: { is: 'restore', point: chk(7) } });
    expect(report.ladder.map((r) => r.path)).not.toContain(chk(8));
  });

  test('says that nothing is known while the storage is away, and exits with 2', async () => {
    world.storageDown = fault('StorageUnavailable', 'connection refused');
    const { code, out } = await holdfast('look', 'window-counts');
    expect(code).toBe(2);
    expect(out).toContain('not known: StorageUnavailable');
  });

  test('without a sound rung exits with 1, before the incident', async () => {
    world.runs = [alive()];
    for (const name of [...world.files.keys()])
      if (!name.endsWith('/_metadata') && name.includes('/checkpoints/')) world.files.delete(name);
    const { code, out } = await holdfast('look', 'window-counts', '--json');
    const report = JSON.parse(out) as LookReport;
    expect(report).toMatchObject({ sound: false, would: { is: 'ask', approves: null } });
    expect(code).toBe(1);
    expect(world.acts).toEqual([]);
  });

  test('is what recover --dry-run and ladder do, and exits with 0 when a rung is sound', async () => {
    const dry = await holdfast('recover', 'window-counts', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.out).toContain(`would be restored from ${chk(8)}`);
    const ladder = await holdfast('ladder', 'window-counts');
    expect(ladder.code).toBe(0);
    expect(ladder.out).toMatch(/^ {2}sound {4}hdfs:.*chk-8/m);
    const all = await holdfast('look', '--json');
    expect(JSON.parse(all.out)).toMatchObject({ looks: [{ job: 'window-counts', sound: true }] });
    expect(world.acts).toEqual([]);
  });

  test('neither opens nor disturbs a case, and is none in the list of cases', async () => {
    await on.client.look('window-counts');
    await expect(on.client.status('window-counts')).rejects.toMatchObject({ code: 'NoCase' });
    expect(await on.client.cases()).toEqual([]);
  });
});
