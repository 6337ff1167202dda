/** The steps of a recovery, one file each. The worker makes them from a {@link Deps}; workflows import only their types. */
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Alert } from '../domain/alert.js';
import { assessRun, type AssessInput } from './assess-run.js';
import { awaitReturn, type AwaitInput } from './await-return.js';
import { checkOffsets, type CheckOffsetsInput } from './check-offsets.js';
import { confirmRestored, type ConfirmInput } from './confirm-restored.js';
import type { Deps } from './deps.js';
import { examineDeadEnd, type ExamineInput } from './examine-dead-end.js';
import { fetchPointer } from './fetch-pointer.js';
import { configuredJob } from './job.js';
import { openCase } from './open-case.js';
import { readState, type ReadStateInput } from './read-state.js';
import { repairDeadEnd, type RepairInput } from './repair-dead-end.js';
import { restoreJob, type RestoreInput } from './restore-job.js';
import { resumeOffsets } from './resume-offsets.js';
import { watchJobs, type Watched, type WatchJobsInput } from './watch-jobs.js';
import { watchRun } from './watch-run.js';

export type { Deps } from './deps.js';
export type { OpenedCase } from './open-case.js';
export type { Confirmation } from './confirm-restored.js';
export type { Return } from './await-return.js';
export type { RepairInput } from './repair-dead-end.js';
export type { RestoreOutcome } from './restore-job.js';
export type { ResumedOffsets } from './resume-offsets.js';
export type { Ledgers, Noted, Watched } from './watch-jobs.js';

export function createActivities(deps: Deps) {
  return {
    openCase: (input: { readonly job: string }) => openCase(deps, input, cancellationSignal()),
    assessRun: (input: AssessInput) => assessRun(deps, input, cancellationSignal()),
    fetchPointer: (input: Parameters<typeof fetchPointer>[1]) =>
      fetchPointer(deps, input, cancellationSignal()),
    readState: (input: ReadStateInput) => readState(deps, input, cancellationSignal(), heartbeat),
    checkOffsets: (input: CheckOffsetsInput) => checkOffsets(deps, input, cancellationSignal()),
    resumeOffsets: (input: Parameters<typeof resumeOffsets>[1]) =>
      resumeOffsets(deps, input, cancellationSignal()),
    restoreJob: (input: Omit<RestoreInput, 'repeated'>) => {
      const repeated = activityInfo().attempt > 1;
      return beating(() => restoreJob(deps, { ...input, repeated }, cancellationSignal()));
    },
    examineDeadEnd: (input: ExamineInput) => examineDeadEnd(deps, input, cancellationSignal()),
    /** From a case: asks the repair workflow of its cluster, and waits for what it did. */
    requestRepair: (input: RepairInput) => {
      const { activityId, workflowExecution } = activityInfo();
      // A retry of this step is the same request; a later attempt of the case is another.
      const id = `${workflowExecution?.runId ?? ''}/${activityId}`;
      const { clusterName } = configuredJob(deps, input.job);
      return beating(() => deps.requestRepair(clusterName, input, id, cancellationSignal()));
    },
    repairDeadEnd: (input: RepairInput) => beating(() => repairDeadEnd(deps, input, cancellationSignal())),
    confirmRestored: (input: ConfirmInput) =>
      beating(() => confirmRestored(deps, input, cancellationSignal(), heartbeat)),
    awaitReturn: (input: AwaitInput) => awaitReturn(deps, input, cancellationSignal(), heartbeat),
    watchRun: (input: Parameters<typeof watchRun>[1]) =>
      watchRun(deps, input, cancellationSignal(), heartbeat),
    watchJobs: (input: WatchJobsInput) => {
      // After a worker's death the next attempt goes on from what was last reported.
      const tail = activityInfo().heartbeatDetails as Watched | undefined;
      return watchJobs(
        deps,
        tail === undefined ? input : { ...input, ...tail },
        cancellationSignal(),
        heartbeat,
      );
    },
    raiseAlert: (alert: Alert) => deps.raiseAlert(alert),
    /** Passes a case that was started under another id on to the one case of its job. */
    handOver: (alert: Alert) => deps.raiseAlert(alert),
  };
}

export type Activities = ReturnType<typeof createActivities>;

/** Heartbeats while a step that cannot report progress is at work, so that a dead worker is noticed in seconds. */
async function beating<T>(step: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => heartbeat(), 2_000);
  try {
    return await step();
  } finally {
    clearInterval(timer);
  }
}
