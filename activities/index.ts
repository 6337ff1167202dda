/** The steps of a recovery, one file each. The worker makes them from a {@link Deps}; workflows import only their types. */
import { activityInfo, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import type { Alert } from '../domain/alert.js';
import type { Notice } from '../domain/notice.js';
import type { RepairRequest } from '../domain/repair.js';
import type { AssessInput } from './assess-run.js';
import { awaitRelease } from './await-release.js';
import { awaitReturn, type AwaitInput } from './await-return.js';
import { checkOffsets, type CheckOffsetsInput } from './check-offsets.js';
import { confirmRestored, type ConfirmInput } from './confirm-restored.js';
import type { Deps } from './deps.js';
import { examineDeadEnd, type ExamineInput } from './examine-dead-end.js';
import { fetchPointer } from './fetch-pointer.js';
import { configuredJob } from './job.js';
import { assessAhead, readAhead, type ReadAheadInput } from './look-ahead.js';
import { notify, type Told } from './notify.js';
import { openCase } from './open-case.js';
import { repairDeadEnd, type RepairInput } from './repair-dead-end.js';
import { restoreJob, type RestoreInput } from './restore-job.js';
import { resumeOffsets } from './resume-offsets.js';
import { startCluster, type StartClusterInput } from './start-cluster.js';
import { setStart, startJob, type SetStartInput, type StartInput } from './start-job.js';
import { stopRun, type StopInput } from './stop-run.js';
import { watchJobs, type Watched, type WatchJobsInput } from './watch-jobs.js';
import { watchRun } from './watch-run.js';

export type { Deps } from './deps.js';
export type { OpenedCase } from './open-case.js';
export type { Confirmation } from './confirm-restored.js';
export type { AwaitInput, Return } from './await-return.js';
export type { RepairInput } from './repair-dead-end.js';
export type { RestoreOutcome } from './restore-job.js';
export type { ResumedOffsets } from './resume-offsets.js';
export type { Ledgers, Noted, Watched } from './watch-jobs.js';

export function createActivities(deps: Deps) {
  return {
    openCase: (input: { readonly job: string }) => beating(() => openCase(deps, input, cancellationSignal())),
    assessRun: (input: AssessInput) => beating(() => assessAhead(deps, input, cancellationSignal())),
    fetchPointer: (input: Parameters<typeof fetchPointer>[1]) =>
      beating(() => fetchPointer(deps, input, cancellationSignal())),
    readState: (input: ReadAheadInput) => readAhead(deps, input, cancellationSignal(), heartbeat, beating),
    checkOffsets: (input: CheckOffsetsInput) =>
      beating(() => checkOffsets(deps, input, cancellationSignal())),
    resumeOffsets: (input: Parameters<typeof resumeOffsets>[1]) =>
      beating(() => resumeOffsets(deps, input, cancellationSignal())),
    restoreJob: (input: Omit<RestoreInput, 'repeated'>) => {
      const repeated = activityInfo().attempt > 1;
      return beating(() => restoreJob(deps, { ...input, repeated }, cancellationSignal()));
    },
    examineDeadEnd: (input: ExamineInput) => beating(() => examineDeadEnd(deps, input, cancellationSignal())),
    setStart: (input: SetStartInput) => setStart(deps, input, cancellationSignal()),
    startJob: (input: Omit<StartInput, 'repeated'>) => {
      const repeated = activityInfo().attempt > 1;
      return beating(() => startJob(deps, { ...input, repeated }, cancellationSignal()));
    },
    /** From a case: asks the repair workflow of its cluster, and waits for what it did. */
    requestRepair: (input: RepairRequest) => {
      const { activityId, workflowExecution } = activityInfo();
      // A retry of this step is the same request; a later attempt of the case is another.
      const id = `${workflowExecution?.runId ?? ''}/${activityId}`;
      const { clusterName } = configuredJob(deps, input.job);
      return beating(() => deps.requestRepair(clusterName, input, id, cancellationSignal()));
    },
    repairDeadEnd: (input: RepairInput) => beating(() => repairDeadEnd(deps, input, cancellationSignal())),
    startCluster: (input: Omit<StartClusterInput, 'repeated'>) => {
      const repeated = activityInfo().attempt > 1;
      return beating(() => startCluster(deps, { ...input, repeated }, cancellationSignal()));
    },
    stopRun: (input: Omit<StopInput, 'repeated'>) => {
      const repeated = activityInfo().attempt > 1;
      return beating(() => stopRun(deps, { ...input, repeated }, cancellationSignal(), heartbeat));
    },
    confirmRestored: (input: ConfirmInput) =>
      beating(() => confirmRestored(deps, input, cancellationSignal(), heartbeat)),
    awaitReturn: (input: AwaitInput) => {
      const { scheduledTimestampMs, currentAttemptScheduledTimestampMs } = activityInfo();
      // Both by the server's clock: whatever this machine's says, a retry waits only for what is left.
      const spent = currentAttemptScheduledTimestampMs - scheduledTimestampMs;
      return awaitReturn(deps, input, cancellationSignal(), heartbeat, spent);
    },
    awaitRelease: (input: { readonly job: string }) =>
      awaitRelease(deps, input, cancellationSignal(), heartbeat),
    watchRun: (input: Parameters<typeof watchRun>[1]) =>
      watchRun(deps, input, cancellationSignal(), heartbeat),
    watchJobs: (input: WatchJobsInput) => {
      // After a worker's death the next attempt goes on from what was last reported.
      const tail = activityInfo().heartbeatDetails as Watched | undefined;
      let latest = tail;
      const watch = watchJobs(
        deps,
        tail === undefined ? input : { ...input, ...tail },
        cancellationSignal(),
        (seen) => heartbeat((latest = seen)),
      );
      // A look at many jobs, or at systems that do not answer, may take longer than a heartbeat is waited for.
      return beating(
        () => watch,
        () => heartbeat(latest),
        WATCH_BEAT,
      ).then(tellNotices);
    },
    notify: (notice: Notice) => {
      const already = (activityInfo().heartbeatDetails ?? []) as readonly Told[];
      return notify(deps, notice, already, cancellationSignal(), heartbeat);
    },
    raiseAlert: (alert: Alert) => beating(() => deps.raiseAlert(alert)),
    /** Passes a case that was started under another id on to the one case of its job. */
    handOver: (alert: Alert) => beating(() => deps.raiseAlert(alert)),
  };
}

/** Notices are in the log of the worker too, for whoever looks there first. */
function tellNotices(watched: Watched): Watched {
  for (const { kind, state, severity, cluster, job, summary } of watched.notices) {
    const message = state === 'raised' ? `notice: ${summary}` : `notice is over: ${summary}`;
    const fields = { kind, severity, cluster, job };
    if (state === 'raised' && severity !== 'info') log.warn(message, fields);
    else log.info(message, fields);
  }
  return watched;
}

export type Activities = ReturnType<typeof createActivities>;

/** Milliseconds. The heartbeat of a watch is the ledger of all its jobs: too much to be sent every two seconds. */
const WATCH_BEAT = 10_000;

/** Heartbeats while a step that cannot report progress is at work, so that a dead worker is noticed in seconds. */
async function beating<T>(step: () => Promise<T>, beat: () => void = heartbeat, every = 2_000): Promise<T> {
  const timer = setInterval(() => beat(), every);
  try {
    return await step();
  } finally {
    clearInterval(timer);
  }
}
