/** What a course is, and what several of them have in common. */
import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { RECOVERY_ABORTED } from '../../domain/abort-ledger.js';
import type { Question } from '../../domain/desk.js';
import { failure, fault } from '../../domain/failure.js';
import type { OffsetCheck } from '../../domain/offsets.js';
import { present } from '../../domain/reading.js';
import type { Assessment } from '../../domain/situation.js';
import { JOB, said, type Stage, type Steps } from '../support/cases.js';
import { brokenAt } from '../support/evidence.js';
import type { InstantOutside } from '../support/instant-outside.js';

export interface Course {
  /** A name for a file, and for people. */
  readonly name: string;
  /** The server suggests to continue as new after so few events that it happens. */
  readonly continuesSoon: boolean;
  /** Plays it to its end, or to where it stays open. Returns the workflow ids worth recording, besides the case. */
  readonly play: (on: Stage) => Promise<readonly string[] | void>;
}

export const courses: Course[] = [];
export const course = (name: string, play: Course['play'], continuesSoon = false): void =>
  void courses.push({ name, play, continuesSoon });

// ── What several courses have in common ─────────────────────────────────────────────────────────────────────────

export const recover = (on: Stage, from?: string) =>
  on.client.recover(JOB, { ...said, requestId: randomUUID(), ...(from === undefined ? {} : { from }) });
export const storageAway = fault('StorageUnavailable', 'connection refused', 'nn:9870');
/** A wait that nothing ends but a person. */
export const endless = { awaitReturn: () => cancelled() };
export const slow = { backoff: { initial: 60_000, factor: 1, max: 60_000, jitter: 0 } };

export async function asked(on: Stage, about: string): Promise<Question> {
  const { question } = await on.until((s) => s.question?.about === about);
  if (question === null) throw new Error(`expected the question ${about}`);
  return question;
}
export const approve = async (on: Stage, about: string) =>
  on.client.approve(JOB, { ...said, question: (await asked(on, about)).id });
export const reject = async (on: Stage, about: string) =>
  on.client.reject(JOB, { ...said, question: (await asked(on, about)).id });
/** @param meanwhile once it is closed, before it is over */
export const closed = async (on: Stage, meanwhile?: () => void) => {
  await on.client.closeCase(JOB, said);
  meanwhile?.();
  // An aborted case ends as a failure, for whoever executes it.
  await on.end().catch((error: unknown) => {
    const cause = error instanceof WorkflowFailedError ? error.cause : error;
    if (!(cause instanceof ApplicationFailure) || cause.type !== RECOVERY_ABORTED) throw error;
  });
};

export const bent = (it: InstantOutside, change: (real: Assessment) => Partial<Assessment>) => ({
  assessRun: async (...args: Parameters<typeof it.steps.assessRun>) => {
    const real = await it.steps.assessRun(...args);
    return { ...real, ...change(real) };
  },
});
export const checked = (it: InstantOutside, change: Partial<OffsetCheck>) => ({
  checkOffsets: async (...args: Parameters<typeof it.steps.checkOffsets>) => {
    const real = await it.steps.checkOffsets(...args);
    return real.is === 'present' ? present({ ...real.value, ...change }) : real;
  },
});
/** Verdicts instead of what the files say. */
export const broken = (it: InstantOutside, ...paths: readonly string[]) => ({
  readState: async (...args: Parameters<typeof it.steps.readState>) =>
    paths.includes(args[0].point.path)
      ? brokenAt(args[0].point.path)
      : it.steps.readState(...args),
});
export const unheardOf = failure('Unclassified', 'something unheard of');
/** A step whose first call fails. */
export const failsOnce = (it: InstantOutside, step: keyof typeof it.steps, fails: Error): Steps => {
  let left = 1;
  return {
    [step]: async (input: never) => {
      if (left-- > 0) throw fails;
      return it.steps[step](input);
    },
  };
};
