/** A launch that only a person can settle, in the real workflow on a real server; the steps are fakes. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { RestoreInput } from '../../activities/restore-job.js';
import { HoldfastError } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { launchInDoubt } from '../../domain/launch-command.js';
import { STRICT } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import { said, type Steps } from '../support/cases.js';
import { assessment, run } from '../support/evidence.js';
import { opened, quick, scripted, smooth } from '../support/scripted.js';

const SHOWN = runId('c'.repeat(32));

let submissions: Pick<RestoreInput, 'run' | 'inDoubt'>[];
/** Runs that were asked for a proof. */
let confirmed: string[];
/** The first call is interrupted, and only the second begins anew. */
let interrupted: boolean;
let alive: boolean;

const steps: Steps = {
  ...smooth,
  openCase: async ({ job }) => opened(job, { ...quick, attempts: STRICT.attempts }),
  assessRun: async ({ submitted }) => {
    const shown = submitted.includes(SHOWN) ? [run({ run: SHOWN, state: 'RUNNING', started: 9_000 })] : [];
    return assessment({ runs: present(alive ? [...shown, run()] : [run()]) });
  },
  restoreJob: async (input) => {
    submissions.push({ run: input.run, inDoubt: input.inDoubt === true });
    if (interrupted) throw new HoldfastError(launchInDoubt(input.run, 'it was killed'));
    return { is: 'accepted', at: 5_000, state: 'running', shown: SHOWN };
  },
  confirmRestored: async ({ run: id }) => {
    confirmed.push(id);
    return { is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] };
  },
};

const on = scripted(steps);
const { endOf, phaseIs } = on;
beforeEach(() => {
  submissions = [];
  confirmed = [];
  interrupted = true;
  alive = false;
});

describe('a launch that nobody but a person can settle', () => {
  test('is asked about, and submitted anew with another id only on approval', async () => {
    await on.client.recover('window-counts', said);
    const asking = await phaseIs('asking');
    expect(asking.because?.code).toBe('LaunchInDoubt');
    expect(submissions).toHaveLength(1);
    interrupted = false;
    await on.client.approve('window-counts', { ...said, question: asking.question?.id ?? '' });
    expect(await endOf()).toMatchObject({ outcome: 'resumed', restored: { run: SHOWN } });
    const [first, second] = submissions;
    expect(second?.run).not.toBe(first?.run);
    expect(submissions.map((s) => s.inDoubt)).toEqual([false, false]);
    // The proof is about the run that the lookup named, not about the id that the program was given.
    expect(confirmed).toEqual([SHOWN]);
  });

  test('looks again with the same id when a person only says: retry', async () => {
    await on.client.recover('totals', said);
    await phaseIs('asking', 'totals');
    interrupted = false;
    await on.client.retryNow('totals', said);
    // The case stays open for as long as something may come of the first call.
    expect((await phaseIs('resumed', 'totals')).restored).toMatchObject({ run: SHOWN, provedAt: 6_000 });
    expect(submissions[1]).toEqual({ run: submissions[0]?.run, inDoubt: true });
  });
});
