/**
 * What a recovery leaves behind when nothing more is tried: what is known, how long each piece of evidence lasts, and the
 * command that goes on. It is the failure of a closed aborted case, so it is bounded.
 */
import type { AttemptRecord, Restored, RungView } from './case.js';
import type { Evidence, OpenSubmission } from './decide.js';
import type { Said } from './desk.js';
import type { Fault } from './failure.js';
import type { JobLedger } from './ledger.js';
import type { Repair } from './repair.js';

/** Bytes of its JSON at most (design, 4.1). */
export const REPORT_BYTES = 32 * 1024;
/** The Temporal failure type of a closed or failed aborted case. */
export const RECOVERY_ABORTED = 'RecoveryAborted';

/** How long something lasts that a later recovery needs. */
export interface Lasting {
  readonly what: string;
  /** Epoch milliseconds; null: nothing that Holdfast knows of ends it. */
  readonly until: number | null;
  /** What ends it, or what keeps it. */
  readonly because: string;
}

export interface AbortReport {
  readonly job: string;
  readonly cluster: string;
  /** Why it was aborted. */
  readonly because: Fault | null;
  /** Who closed the case afterwards; null: policy `afterAbort: fail`. */
  readonly closedBy: Said | null;
  readonly attempts: { readonly failed: number; readonly granted: number | null };
  readonly situation: { readonly is: string; readonly because: string } | null;
  readonly ladder: readonly RungView[];
  readonly lasts: readonly Lasting[];
  /** What the watch remembers; null: nothing, or it could not be asked. */
  readonly ledger: Pick<JobLedger, 'runs' | 'points'> | null;
  /** Run ids that this case submitted, and the one whose fate is open. */
  readonly submitted: readonly string[];
  readonly openSubmission: OpenSubmission | null;
  readonly restored: Restored | null;
  readonly repairs: readonly Repair[];
  /** The newest failed attempts, oldest first. */
  readonly failures: readonly AttemptRecord[];
  readonly next: readonly string[];
  /** What was left out to keep it small; empty: nothing. */
  readonly leftOut: readonly string[];
}

/** How long what was seen lasts. Times are of the last look. */
export function lasting(e: Pick<Evidence, 'assessment' | 'verdicts' | 'offsets'>): readonly Lasting[] {
  const found: Lasting[] = [];
  for (const [path, verdict] of Object.entries(e.verdicts)) {
    if (verdict.is === 'broken') continue;
    const because =
      'Holdfast deletes nothing; a later run of the job may, and so may whoever cleans the storage';
    found.push({ what: `restore point ${path}`, until: null, because });
  }
  const at = e.assessment?.at ?? null;
  for (const [path, reading] of Object.entries(e.offsets)) {
    if (reading.is !== 'present' || at === null) continue;
    const { expires, transactions, gone } = reading.value;
    if (gone.length > 0)
      found.push({ what: `records after ${path}`, until: at, because: 'some are gone from Kafka already' });
    else if (expires === null)
      found.push({ what: `records after ${path}`, until: null, because: 'no retention of Kafka ends them' });
    else {
      const because = `then retention deletes the first needed record of ${expires.topic}/${expires.partition}`;
      found.push({ what: `records after ${path}`, until: at + expires.inMs, because });
    }
    if (transactions !== null) {
      const because = 'then Kafka aborts what the exactly-once sink had pre-committed';
      found.push({
        what: `transactions of the sink at ${path}`,
        until: at + transactions.timeoutMs - transactions.outageMs,
        because,
      });
    }
  }
  return found;
}

/** The report with the oldest and longest parts left out until it fits. The reason, the top rung and the commands stay. */
export function fitted(report: AbortReport, most: number = REPORT_BYTES): AbortReport {
  let fit = report;
  const drop = (what: string, less: (r: AbortReport) => AbortReport): void => {
    if (bytesOf(fit) > most) fit = { ...less(fit), leftOut: [...fit.leftOut, what] };
  };
  drop('all but the newest 5 failed attempts', (r) => ({ ...r, failures: r.failures.slice(-5) }));
  drop('the ledger', (r) => ({ ...r, ledger: null }));
  drop('all but the newest 2 repairs', (r) => ({ ...r, repairs: r.repairs.slice(-2) }));
  drop('all but the highest 3 rungs', (r) => ({ ...r, ladder: r.ladder.slice(0, 3) }));
  drop('all but the newest 10 run ids', (r) => ({ ...r, submitted: r.submitted.slice(-10) }));
  drop('how long evidence lasts beyond 5 pieces', (r) => ({ ...r, lasts: r.lasts.slice(0, 5) }));
  drop('the end of long texts', (r) => shortened(r, 500));
  drop('more of long texts, failed attempts and repairs', (r) =>
    shortened({ ...r, failures: r.failures.slice(-1), repairs: [] }, 120),
  );
  return fit;
}

/** Bytes of UTF-8 of its JSON; computed by hand, since workflows have no Buffer. */
function bytesOf(value: unknown): number {
  let bytes = 0;
  for (const character of JSON.stringify(value)) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Cuts every text in a report; keys and shape stay. */
const shortened = (report: AbortReport, most: number): AbortReport => cutTexts(report, most) as AbortReport;

function cutTexts(value: unknown, most: number): unknown {
  if (typeof value === 'string') return value.length <= most ? value : `${value.slice(0, most)}…`;
  if (Array.isArray(value)) return value.slice(0, 20).map((v) => cutTexts(v, most));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, cutTexts(v, most)]));
}
