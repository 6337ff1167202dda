/** What may be done next, and the questions among it. */
import type { Dependency } from './dependency.js';
import { FAILURES, type Fault } from './failure.js';
import { hashText } from './hash128.js';
import type { RunId } from './ids.js';
import type { FromNothing, GivenUp } from './kafka-from.js';
import type { EmptyJobResult, Repairable } from './repair.js';
import type { RestorePoint, SnapshotFacts } from './restore-point.js';

export interface Plan {
  /** Which decision needs a person. */
  readonly about: string;
  readonly text: string;
  /** What approval does; null when there is nothing to approve. */
  readonly approves: string | null;
  readonly choices: readonly string[];
  /** Same plan, same digest: consent to one plan never counts for another. */
  readonly digest: string;
  readonly because: Fault;
  /** What to know before answering, one line each: what approval costs, or what is to be chosen from. */
  readonly facts: readonly string[];
  /** Choosing one of the choices also stops this run. */
  readonly stops?: RunId;
}

export type Next =
  | { readonly do: 'assess' }
  | { readonly do: 'fetchPointer' }
  | { readonly do: 'readState'; readonly point: RestorePoint }
  | { readonly do: 'checkOffsets'; readonly point: RestorePoint; readonly facts: SnapshotFacts }
  | {
      readonly do: 'restore';
      readonly point: RestorePoint;
      readonly facts: SnapshotFacts;
      readonly because: string;
    }
  /** A person's word, or the policy for a first start: submitted without state. */
  | {
      readonly do: 'start';
      readonly from: FromNothing;
      readonly gaveUp: readonly GivenUp[];
      readonly because: string;
    }
  /** A run of ours is on its way: prove it. */
  | { readonly do: 'confirm'; readonly run: RunId; readonly point: string; readonly because: string }
  /** Whether a dead end may be repaired. */
  | { readonly do: 'checkRepair'; readonly deadEnd: EmptyJobResult }
  /** Approved by a person. `modified`: the file that was approved, by its time; or since when no JobManager leads. */
  | { readonly do: 'repair'; readonly deadEnd: Repairable; readonly modified: number }
  /** Approved by a person, or a run of ours without a checkpoint of its own. */
  | { readonly do: 'stop'; readonly run: RunId; readonly approved: boolean; readonly because: string }
  /** Nothing to be tried before a dependency is back, or a time has come; no attempt is spent on it. */
  | {
      readonly do: 'await';
      readonly for: Dependency | null;
      /** Epoch milliseconds; null: only the dependency's return. */
      readonly until: number | null;
      readonly because: Fault;
    }
  /** Flink brings the job back by itself. */
  | {
      readonly do: 'watch';
      readonly run: RunId | null;
      readonly because: string;
      /** When it is time to look at everything again, at the latest (epoch milliseconds). */
      readonly lookAt?: number;
    }
  | { readonly do: 'leave'; readonly outcome: 'healthy' | 'ended by a person'; readonly because: string }
  /** The attempt fails; the same is tried again later. */
  | { readonly do: 'fail'; readonly fault: Fault }
  | { readonly do: 'ask'; readonly plan: Plan }
  | { readonly do: 'abort'; readonly fault: Fault };

/** The question about a run that started from nothing has this name. */
export const BLANK_RUN = 'blank run';

/** A question to a person. Its digest is made of what it is about and does, not of its words. */
export function planOf(
  about: string,
  because: Fault,
  text: string,
  approves: string | null,
  choices: readonly string[],
  facts: readonly string[] = [],
): Plan {
  const digest = hashText(
    JSON.stringify([about, approves, choices, because.code, because.where ?? '']),
  ).slice(0, 12);
  return { about, text, approves, choices, digest, because, facts };
}

export const ask = (...plan: Parameters<typeof planOf>): { readonly do: 'ask'; readonly plan: Plan } => ({
  do: 'ask',
  plan: planOf(...plan),
});

/** The question for a failure that no waiting mends: refused access, a wrong configuration, a point that Flink refuses. */
export const planFor = (because: Fault): Plan =>
  planOf(
    because.code,
    because,
    `${because.message}. ${FAILURES[because.code].person}`,
    because.code === 'LaunchInDoubt'
      ? 'count it as never submitted, and submit anew with another run id'
      : null,
    [],
  );
