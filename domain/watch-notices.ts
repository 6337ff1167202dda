/** Which notices one look at a running job calls for (design, 8). Pure; its table is its test. */
import type { RunId } from './ids.js';
import type { Finding, NoticeKind } from './notice.js';
import type { Policy } from './policy.js';
import type { Reading } from './reading.js';

/** What one look saw of the newest run of a job that has not ended. */
export interface JobSight {
  /** Epoch milliseconds of the look. */
  readonly at: number;
  readonly run: RunId;
  /** All runs of this job that have not ended. */
  readonly alive: readonly RunId[];
  /** Since when all its tasks run (epoch milliseconds); null: they do not. */
  readonly runningSince: number | null;
  /** When it was seen to restart (epoch milliseconds), newest first. */
  readonly restarts: readonly number[];
  /** The first fault since its last checkpoint, while it restarts over and over. */
  readonly firstFault: string | null;
  readonly checkpoints: Reading<CheckpointsSeen>;
  /** `absent`: checkpointing is off. */
  readonly config: Reading<{
    /** Milliseconds; {@link NEVER} and more: only when asked for. */
    readonly interval: number;
    readonly retained: boolean;
    readonly tolerated: number | null;
  }>;
  readonly ha: 'on' | 'off' | 'unknown';
  /** Whether any restore point of the job is known, of this run or an earlier one. */
  readonly pointKnown: boolean;
  /** The first needed record that expires, and the age of the newest checkpoint, in milliseconds. `absent`: none does. */
  readonly expiry: Reading<{ readonly topic: string; readonly leftMs: number; readonly ageMs: number }>;
}

export interface CheckpointsSeen {
  readonly completed: number;
  readonly failedInRow: number;
  /** Why the newest failed one failed. */
  readonly lastFailure: string | null;
  /** Epoch milliseconds at which the newest completed one was triggered. */
  readonly newest: number | null;
}

/** An interval as long as this (ten years, milliseconds) is Flink's way to say that there is none. */
export const NEVER = 10 * 365 * 86_400_000;
/** A checkpoint is not overdue earlier than this (milliseconds), however short the interval. */
const OVERDUE_AT_LEAST = 30_000;
/** So many restarts within so long (milliseconds) are a loop. */
export const LOOP = { restarts: 3, within: 10 * 60_000 } as const;

/** The kinds that the watch finds. */
export type WatchNoticeKind = Exclude<NoticeKind, `Case${string}`>;

const NO: Finding = { is: 'no' };
const UNKNOWN: Finding = { is: 'unknown' };
const yes = (summary: string): Finding => ({ is: 'yes', summary });

/** @param sight null: the leading JobManager shows no run that is alive; then nothing of the kind lasts. */
export function findingsOf(
  sight: JobSight | null,
  policy: Pick<Policy, 'tolerateFailedCheckpoints' | 'checkpointOverdueAfter'>,
): Readonly<Record<WatchNoticeKind, Finding>> {
  if (sight === null)
    return {
      CheckpointsFailing: NO,
      CheckpointOverdue: NO,
      RetentionNear: NO,
      SameJobTwice: NO,
      RestartLoop: NO,
      NotRetained: NO,
      NoHighAvailability: NO,
      NeverCheckpointed: NO,
      FlinkToleratesLess: NO,
    };
  const { tolerateFailedCheckpoints, checkpointOverdueAfter } = policy;
  const never = neverCheckpointed(sight, checkpointOverdueAfter);
  return {
    CheckpointsFailing: checkpointsFailing(sight, tolerateFailedCheckpoints),
    // One cause, one notice.
    CheckpointOverdue: never.is === 'yes' ? NO : checkpointOverdue(sight, checkpointOverdueAfter),
    RetentionNear: retentionNear(sight),
    SameJobTwice: sameJobTwice(sight),
    RestartLoop: restartLoop(sight),
    NotRetained: notRetained(sight),
    NoHighAvailability: noHighAvailability(sight),
    NeverCheckpointed: never,
    FlinkToleratesLess: flinkToleratesLess(sight, tolerateFailedCheckpoints),
  };
}

function checkpointsFailing({ checkpoints }: JobSight, tolerated: number): Finding {
  if (checkpoints.is !== 'present') return UNKNOWN;
  const { failedInRow, lastFailure } = checkpoints.value;
  if (failedInRow <= tolerated) return NO;
  return yes(
    `${failedInRow} checkpoints in a row have failed, tolerated are ${tolerated}; the job is left running; the last: ${lastFailure ?? 'Flink gives no reason'}`,
  );
}

function checkpointOverdue(sight: JobSight, intervals: number): Finding {
  const { at, checkpoints, config, runningSince } = sight;
  if (config.is === 'absent') return NO;
  if (checkpoints.is !== 'present' || config.is === 'unknown' || runningSince === null) return UNKNOWN;
  const { interval } = config.value;
  if (interval >= NEVER) return NO;
  const from = Math.max(checkpoints.value.newest ?? 0, runningSince);
  if (at - from <= Math.max(intervals * interval, OVERDUE_AT_LEAST)) return NO;
  const newest = checkpoints.value.newest;
  return yes(
    `no checkpoint has completed for ${seconds(at - from)}, its interval is ${seconds(interval)}; the newest is ${newest === null ? 'of an earlier run' : `${seconds(at - newest)} old`}`,
  );
}

function retentionNear({ expiry }: JobSight): Finding {
  if (expiry.is !== 'present') return expiry.is === 'absent' ? NO : UNKNOWN;
  const { topic, leftMs, ageMs } = expiry.value;
  if (leftMs >= ageMs) return NO;
  return yes(
    leftMs <= 0
      ? `the first record of ${topic} that a restore needs is past its retention: it may be gone at any moment`
      : `the first record of ${topic} that a restore needs expires in ${seconds(leftMs)}; the newest checkpoint is ${seconds(ageMs)} old`,
  );
}

function sameJobTwice({ alive }: JobSight): Finding {
  return alive.length > 1
    ? yes(`${alive.length} runs of this job are alive at the same time: ${alive.join(', ')}`)
    : NO;
}

function restartLoop({ at, restarts, firstFault }: JobSight): Finding {
  const lately = restarts.filter((time) => at - time <= LOOP.within).length;
  if (lately === 0) return NO;
  if (lately < LOOP.restarts) return UNKNOWN;
  return yes(
    `Flink has restarted it at least ${lately} times within ${seconds(LOOP.within)}; first fault: ${firstFault ?? 'none is shown'}`,
  );
}

function notRetained({ config }: JobSight): Finding {
  if (config.is === 'unknown') return UNKNOWN;
  if (config.is === 'absent' || config.value.retained) return NO;
  return yes('checkpoints are not retained: Flink deletes them when the job is cancelled');
}

function noHighAvailability({ ha }: JobSight): Finding {
  if (ha === 'unknown') return UNKNOWN;
  return ha === 'off' ? yes('the cluster runs without high availability') : NO;
}

/** Neither this run nor an earlier one has a restore point, and it has had the time to make one. */
function neverCheckpointed(sight: JobSight, intervals: number): Finding {
  const { at, checkpoints, config, pointKnown, runningSince } = sight;
  if (pointKnown) return NO;
  if (config.is === 'absent' || (config.is === 'present' && config.value.interval >= NEVER))
    return yes('checkpointing is off, and no restore point of this job is known');
  if (checkpoints.is !== 'present' || config.is === 'unknown') return UNKNOWN;
  if (checkpoints.value.completed > 0) return NO;
  if (runningSince === null) return UNKNOWN;
  const patience = Math.max(intervals * config.value.interval, OVERDUE_AT_LEAST);
  if (at - runningSince <= patience) return UNKNOWN;
  return yes(`it has run for ${seconds(at - runningSince)} and no checkpoint has ever completed`);
}

function flinkToleratesLess({ config }: JobSight, tolerated: number): Finding {
  if (config.is === 'unknown') return UNKNOWN;
  const own = config.is === 'present' ? config.value.tolerated : null;
  if (own === null || own >= tolerated) return NO;
  return yes(
    `Flink restarts the job after ${own} failed checkpoints in a row; a notice comes only after ${tolerated}`,
  );
}

const seconds = (ms: number): string =>
  ms < 120_000
    ? `${Math.round(ms / 1_000)} s`
    : ms < 7_200_000
      ? `${Math.round(ms / 60_000)} min`
      : `${Math.round(ms / 3_600_000)} h`;
