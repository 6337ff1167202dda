/** Broken, or only superseded: after a negative verdict the pointers are fetched again (design, 4.6). */
import { beforeEach, describe, expect, test } from 'vitest';
import { readAhead } from '../../activities/look-ahead.js';
import { pointFromPath } from '../../domain/restore-point.js';
import {
  chk,
  completed,
  depsOf,
  fakeRun,
  incident,
  noCheckpoints,
  WRITER,
  type World,
} from '../support/fake-ports.js';

const { signal } = new AbortController();
let world: World;
beforeEach(() => {
  world = incident();
});
const read = (newest: string | undefined) =>
  readAhead(
    depsOf(world),
    {
      job: 'window-counts',
      point: pointFromPath(chk(6)),
      ...(newest === undefined ? {} : { newest: { run: WRITER, id: newest } }),
    },
    signal,
    () => undefined,
    (look) => look(),
  );
/** As Flink deletes a checkpoint that it has subsumed. */
const remove = () => {
  for (const file of [...world.files.keys()]) if (file.startsWith(`${chk(6)}/`)) world.files.delete(file);
};
/** The run completes one more, while the other is read. */
const goesOn = () => {
  world.onProof = (count) => {
    if (count !== 2) return;
    const checkpoints = { ...noCheckpoints, latestCompleted: completed(9), history: [completed(9)] };
    world.runs = [fakeRun({ state: 'RUNNING', endTime: null, checkpoints })];
  };
};

describe('a point whose files are gone', () => {
  test('is broken when its run has not gone on', async () => {
    remove();
    expect(await read('8')).toMatchObject({ is: 'broken', reasons: [{ code: 'StateMissing' }] });
  });

  test('was superseded when its run has completed newer ones meanwhile: looked at again, never called broken', async () => {
    remove();
    goesOn();
    const verdict = await read('8');
    expect(verdict).toMatchObject({ is: 'unknown', reasons: [{ code: 'FlinkRestarting', where: chk(6) }] });
    expect(JSON.stringify(verdict)).toContain('superseded, not broken');
  });

  test('is broken when a person wants just this one', async () => {
    remove();
    goesOn();
    expect((await read(undefined)).is).toBe('broken');
  });
});
