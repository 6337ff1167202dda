/** A person's word to start from nothing, as the workflow on a real Temporal server takes it. */
import { expect, test } from 'vitest';
import { failure } from '../../domain/failure.js';
import { until } from '../../stack/wait.js';
import { JOB, type Steps } from '../support/cases.js';
import { brokenAt, pointers, sound } from '../support/evidence.js';
import { gate } from '../support/gate.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

const acts: string[] = [];
const world = { storageIsBack: false };
/** A step of the other job that ends when the test says so. */
const reading = gate();
const START = ['events/0=12', 'events/1=7'];

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, { ...quick, attempts: 1, soak: 60_000 }),
  fetchPointer: async () => {
    if (!world.storageIsBack) throw failure('StorageUnavailable', 'connection refused', 'nn:9870');
    return pointers();
  },
  readState: async ({ job, point }) => {
    if (job === JOB) return brokenAt(point.path);
    await reading.pass();
    return sound;
  },
  restoreJob: async () => {
    throw failure('Unclassified', 'nothing is to be restored here');
  },
  setStart: async ({ kafkaFrom, gaveUp }) => {
    acts.push(`set ${kafkaFrom}, gives up ${gaveUp.length}`);
    const groupOffsets = { group: 'g', committed: 2, before: ['events/0=90'], left: null, fault: null };
    return { start: START, groupOffsets };
  },
  startJob: async ({ from, start }) => {
    acts.push(`start at ${start.join()} by ${from.by}`);
    return { is: 'accepted', at: 5_000, state: null };
  },
  confirmRestored: async (input) => {
    acts.push(`confirm ${input.start?.join() ?? input.point}`);
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['it restored nothing'] };
  },
};

const on = scripted(steps);
const { endOf, phaseIs } = on;

test('resumes an aborted case, starts once, and counts for no later failure', async () => {
  const by = { by: 'ada', reason: 'the state is lost' };
  await on.client.recover(JOB, by);
  await phaseIs('aborted');
  world.storageIsBack = true;
  await on.client.recover(JOB, { ...by, fromNothing: { kafkaFrom: START.join() } });
  const resumed = await phaseIs('resumed');
  expect(acts).toEqual([
    `set ${START.join()}, gives up 2`,
    `start at ${START.join()} by ada`,
    `confirm ${START.join()}`,
  ]);
  expect(resumed.restored).toMatchObject({
    point: 'nothing',
    fromNothing: { ...by, kafkaFrom: START.join(), gaveUp: [{ verdict: 'broken' }, { verdict: 'broken' }] },
  });
  expect(resumed.groupOffsets).toMatchObject({ group: 'g', before: ['events/0=90'] });
  const again = on.client.recover(JOB, { ...by, fromNothing: { kafkaFrom: 'latest' } });
  await expect(again).rejects.toMatchObject({ code: 'Refused' });

  // The run fails during the soak: the word was for one start.
  await on.client.recover(JOB, by);
  const asking = await phaseIs('asking');
  expect(asking.question).toMatchObject({ about: 'no sound point', approves: null });
  expect(acts).toHaveLength(3);
  await on.client.closeCase(JOB, by);
  expect((await endOf()).outcome).toBe('closed');
});

test('said while the newest point is read, nothing is restored any more', async () => {
  world.storageIsBack = true;
  const by = { by: 'ada', reason: 'count it all again' };
  await on.client.recover('totals', by);
  await until('a step reads', reading.reached);
  await on.client.recover('totals', { ...by, fromNothing: { kafkaFrom: 'earliest' } });
  reading.open();
  const asking = await phaseIs('asking', 'totals');
  expect(asking.question).toMatchObject({ about: 'from nothing' });
  expect(asking.failures, 'a submission would have failed').toEqual([]);
});
