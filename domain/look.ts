/** "If it failed now, what would we restore?" (design, 8): what a look found, and nothing that it did. */
import type { RungView } from './case.js';
import { costIn } from './decide-restore.js';
import type { Evidence } from './evidence.js';
import type { Next } from './next.js';
import type { Fault } from './failure.js';
import type { OffsetCheck } from './offsets.js';
import type { RestorePoint } from './restore-point.js';
import { isTerminal } from './situation.js';
import type { TimeLeft } from './time-left.js';

export type Would =
  /** Restored without a question. */
  | {
      readonly is: 'restore';
      readonly point: string;
      readonly because: string;
      readonly cost: readonly string[];
    }
  /** It never had a restore point, and the policy says where such a job begins. */
  | { readonly is: 'start'; readonly kafkaFrom: string; readonly because: string }
  /** A person would be asked; `approves` is null when there is nothing sound to approve. */
  | {
      readonly is: 'ask';
      readonly about: string;
      readonly text: string;
      readonly approves: string | null;
      readonly facts: readonly string[];
    }
  /** The case would be aborted. */
  | { readonly is: 'abort'; readonly fault: Fault }
  /** Something could not be looked at: it is not known. */
  | { readonly is: 'unknown'; readonly fault: Fault };

export interface LookReport {
  readonly job: string;
  readonly cluster: string;
  /** Epoch milliseconds at which the look ended. */
  readonly at: number;
  /** What the job's situation is now, in one sentence; null when it could not be seen. */
  readonly situation: { readonly is: string; readonly because: string } | null;
  readonly ladder: readonly RungView[];
  readonly would: Would;
  /** Whether some rung is sound; null: not known. `false` is a page before the incident. */
  readonly sound: boolean | null;
  /** Kafka against the positions of the point; null: not compared. */
  readonly offsets: OffsetCheck | null;
  readonly timeLeft: readonly TimeLeft[];
}

/** What the last decision of a look says. */
export function conclude(next: Next, e: Evidence): Would {
  switch (next.do) {
    case 'restore': {
      const cost = costIn(e, next.point, next.facts);
      return { is: 'restore', point: next.point.path, because: next.because, cost };
    }
    case 'start':
      return { is: 'start', kafkaFrom: next.from.kafkaFrom, because: next.because };
    case 'ask': {
      const { about, text, approves, facts } = next.plan;
      return { is: 'ask', about, text, approves, facts };
    }
    case 'fail':
      return { is: 'unknown', fault: next.fault };
    case 'abort':
      return { is: 'abort', fault: next.fault };
    default:
      throw new Error(`a look ends with a decision about restore points, found ${next.do}`);
  }
}

/** Whether a sound rung was found: only known when everything above it was looked at too. */
export function isSound(would: Would, ladder: readonly RungView[]): boolean | null {
  if (ladder.some((rung) => rung.verdict === 'sound')) return true;
  return would.is === 'unknown' ? null : false;
}

/** While a run is alive Flink deletes old checkpoints: a rung that was found broken may only have been superseded. */
export const mayBeSuperseded = (e: Evidence): boolean =>
  e.assessment?.runs.is === 'present' && e.assessment.runs.value.some((r) => !isTerminal(r.state));

/** What is still known after the pointers were fetched again: verdicts on rungs that are gone say nothing any more. */
export function withPointers(e: Evidence, pointers: NonNullable<Evidence['pointers']>): Evidence {
  const paths = new Set(
    pointers.sources.flatMap((s) =>
      s.points.is === 'present' ? s.points.value.map((p: RestorePoint) => p.path) : [],
    ),
  );
  const verdicts = Object.fromEntries(Object.entries(e.verdicts).filter(([path]) => paths.has(path)));
  return { ...e, pointers, verdicts };
}
