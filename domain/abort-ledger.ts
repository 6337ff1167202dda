/** What an aborted case leaves behind when it is closed: enough to go on by hand, in at most 32 KB (design, 4.1). */
import type { CaseStatus } from './case.js';
import type { OpenSubmission } from './submission.js';
import type { Said } from './desk.js';
import type { Fault } from './failure.js';
import type { RunId } from './ids.js';

/** Type of the failure with which an aborted case ends, and what its first detail holds. */
export const RECOVERY_ABORTED = 'RecoveryAborted';

export interface AbortLedger extends Pick<
  CaseStatus,
  | 'job'
  | 'cluster'
  | 'openedAt'
  | 'attempt'
  | 'attempts'
  | 'failures'
  | 'ladder'
  | 'restored'
  | 'repairs'
  | 'timeLeft'
  | 'stops'
  | 'starts'
> {
  readonly because: Fault | null;
  /** Who closed it; null: policy `afterAbort: fail`. */
  readonly closed: Said | null;
  /** Runs that were submitted, and the one whose fate is not known. */
  readonly submitted: readonly RunId[];
  readonly openSubmission: OpenSubmission | null;
  /** The command that begins a recovery anew. */
  readonly next: string;
}

const MOST_BYTES = 32 * 1024;
const TEXT = 500;

/** Long texts are cut, and what explains least is left out first: old failures, then the lower rungs. */
export function abortLedger(ledger: AbortLedger): AbortLedger {
  const cut = (fault: Fault): Fault => ({ ...fault, message: fault.message.slice(0, TEXT) });
  let short: AbortLedger = {
    ...ledger,
    because: ledger.because === null ? null : cut(ledger.because),
    failures: ledger.failures.map((f) => ({ ...f, fault: cut(f.fault) })),
  };
  while (bytesOf(short) > MOST_BYTES && short.failures.length > 1)
    short = { ...short, failures: short.failures.slice(1) };
  while (bytesOf(short) > MOST_BYTES && short.ladder.length > 1)
    short = { ...short, ladder: short.ladder.slice(0, -1) };
  return short;
}

/** Never less than the UTF-8 bytes of its JSON. */
const bytesOf = (value: unknown): number => {
  let bytes = 0;
  for (const character of JSON.stringify(value)) bytes += (character.codePointAt(0) ?? 0) < 128 ? 1 : 4;
  return bytes;
};
