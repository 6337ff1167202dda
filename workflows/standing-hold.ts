import {
  ApplicationFailure,
  condition,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Said } from '../domain/desk.js';
import { HOLD_MEMO, type StandingHold } from '../domain/standing-hold.js';
import { clock } from '../domain/words.js';
import { releaseHold, type HoldInput } from './messages.js';

/** Milliseconds of a hold that was placed by hand without a time. */
const ONE_HOUR = 60 * 60_000;

/**
 * Holds a job, or all jobs of a cluster, until its time is over or somebody releases it. The memo is the hold; cases look
 * for it when they are opened. By hand in the Temporal UI, with the id `hold/<cluster>` or `hold/<cluster>/<job>`:
 * `{"cluster": "…", "job": "…", "by": "…", "reason": "…", "forMinutes": 120}`.
 */
export async function standingHold(input: HoldInput): Promise<string> {
  check(input);
  let released: Said | null = null;
  setHandler(releaseHold, (said) => void (released = said), {
    description: 'Ends the hold: {by, reason}. Cases that it holds go on.',
  });
  const now = Date.now();
  const lasts = input.forMinutes === undefined ? ONE_HOUR : input.forMinutes * 60_000;
  const hold: StandingHold = {
    by: input.by,
    reason: input.reason,
    cluster: input.cluster,
    job: input.job ?? null,
    since: input.since ?? now,
    until: input.until ?? now + lasts,
  };
  // Placed by the client it is in the memo from the start; placed by hand it comes to be there now.
  if (input.until === undefined) upsertMemo({ [HOLD_MEMO]: hold });
  const until = `${clock(hold.until)} UTC`;
  setCurrentDetails(
    `# ${hold.job ?? `All jobs of ${hold.cluster}`}: held until ${until}\n\n${hold.by}: ${hold.reason}\n\nAlerts open a case, and the case waits. To end it: signal \`release\` with {"by": "YOUR NAME", "reason": "WHY"}, or:\n\n    holdfast release ${hold.job ?? hold.cluster} --reason …`,
  );
  await condition(() => released !== null, Math.max(1, hold.until - Date.now()), {
    summary: `held by ${hold.by} until ${until}`,
  });
  const by = released as Said | null;
  return by === null ? 'expired' : `released by ${by.by}: ${by.reason}`;
}

/** Started by hand it may say anything: a hold that nobody would find is refused. */
function check(input: HoldInput): void {
  const { workflowId } = workflowInfo();
  const id = `hold/${input.cluster}${input.job === undefined ? '' : `/${input.job}`}`;
  if (workflowId !== id)
    refuse(`expected the workflow id ${id}, found ${workflowId}: no case would look there`);
  if (!input.by || !input.reason) refuse('expected "by" and "reason": who holds it, and why');
}

function refuse(why: string): never {
  throw ApplicationFailure.nonRetryable(why, 'Refused');
}
