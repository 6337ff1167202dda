/** Promise 1. A job is submitted with an explicit, verified restore point, or not at all. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runId } from '../../domain/ids.js';
import { PRESETS } from '../../domain/policy.js';
import { absent, present } from '../../domain/reading.js';
import { attempt } from '../support/attempt.js';
import { chk, depsOf, fakeRun, fillLog, incident, noCheckpoints, WRITER } from '../support/fake-ports.js';

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
