/** A run that a person lets Holdfast stop, in the real workflow on a real server; the steps are fakes. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { AssessInput } from '../../activities/assess-run.js';
import { failure } from '../../domain/failure.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import type { RunView } from '../../domain/situation.js';
import { said, type Steps } from '../support/cases.js';
import {
  assessment,
  brokenAt,
  OLDER,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  sound,
  TOP,
} from '../support/evidence.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

/** What Flink shows, newest first. */
let runs: readonly RunView[];
/** What was done to the outside, in order. */
let acts: string[];
/** The first call of `stopRun` loses its answer. */
let answerLost: boolean;

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, { ...quick, attempts: STRICT.attempts, fallback: 'checkpoint' }),
  assessRun: async ({ stopped }: AssessInput) => assessment({ runs: present(runs), stopped: stopped ?? [] }),
  fetchPointer: async () => pointers([point(RUN_B, 1), point(RUN_A, 12), point(RUN_A, 11)]),
  readState: async ({ point: { path: at } }) => (at === TOP && runs.length === 1 ? brokenAt(at) : sound),
  stopRun: async ({ run: id }) => {
    acts.push(`stop ${id}`);
    runs = runs.map((r) => (r.run === id ? { ...r, state: 'CANCELED', running: 0 } : r));
    if (answerLost) throw failure('FlinkUnavailable', 'the run was not seen to end');
    return { is: 'stopped', stop: { run: id, at: 1, savepoint: null, because: 'a test' } };
  },
  restoreJob: async (input) => {
    acts.push(`restore ${input.point.path}`);
    return { is: 'accepted', at: 5_000, state: null };
  },
};

const on = scripted(steps);
const { endOf } = on;
beforeEach(() => {
  acts = [];
  answerLost = false;
  runs = [run({ state: 'RESTARTING', ended: null, sameFaults: 3, retained: present(true) })];
});

const asking = (job: string) => on.phaseIs('asking', job);

describe('a restore loop', () => {
  test.each(['window-counts', 'totals'])(
    'is stopped on approval, then the ladder goes on; its end is not taken for a wish (%s)',
    async (job) => {
      // The second job: also when nobody heard that the run has ended.
      answerLost = job === 'totals';
      await on.client.recover(job, said);
      const { question } = await asking(job);
      expect(question?.approves).toBe(`cancel run ${RUN_A}`);
      expect(acts).toEqual([]);
      await on.client.approve(job, { ...said, question: question?.id ?? '' });
      expect(await endOf(job)).toMatchObject({ outcome: 'resumed', restored: { point: OLDER } });
      expect(acts).toEqual([`stop ${RUN_A}`, `restore ${OLDER}`]);
      expect((await on.client.status(job)).stops).toHaveLength(answerLost ? 0 : 1);
    },
  );
});

describe('a run that started from nothing', () => {
  test('is stopped by choosing a restore point, which is then restored', async () => {
    runs = [
      run({
        run: RUN_B,
        state: 'RUNNING',
        ended: null,
        started: 9_000,
        running: 4,
        completed: 1,
        retained: present(true),
      }),
      run(),
    ];
    await on.client.recover('window-counts', said);
    const { question } = await asking('window-counts');
    expect(question?.choices).toEqual([TOP, OLDER]);
    await on.client.chooseRestorePoint('window-counts', { ...said, question: question?.id ?? '', path: TOP });
    expect(await endOf()).toMatchObject({ outcome: 'resumed', restored: { point: TOP } });
    expect(acts).toEqual([`stop ${RUN_B}`, `restore ${TOP}`]);
  });
});
