/** Every step of a recovery as the workflow calls it. All timeouts and retries live here and nowhere else. */
import {
  ActivityCancellationType,
  proxyActivities,
  proxyLocalActivities,
  type ActivityInterfaceFor,
  type ActivityOptions,
  type LocalActivityInterfaceFor,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { QUEUES } from './messages.js';

/**
 * Retries of a step are technical: a worker that died or was deployed, a lost heartbeat. They are bounded and do not
 * count as attempts. A fault of the outside is not retried here: it fails the attempt, and the case counts it.
 */
const technical: ActivityOptions['retry'] = {
  initialInterval: '500ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  maximumAttempts: 20,
};

/**
 * Reads the configuration and asks Temporal itself; nothing outside. Carried out within the workflow task, one event
 * instead of six: a worker that dies meanwhile has changed nothing, and the next one simply does it again.
 */
const opening = proxyLocalActivities<Activities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '30m',
  retry: technical,
});

/** Looks that take seconds at the worst. They heartbeat all the same: a worker that was killed is noticed in seconds. */
const quick = proxyActivities<Activities>({
  taskQueue: QUEUES.steps,
  startToCloseTimeout: '1m',
  heartbeatTimeout: '10s',
  scheduleToCloseTimeout: '30m',
  retry: technical,
});

/** Looks that read a whole checkpoint. */
const thorough = proxyActivities<Activities>({
  taskQueue: QUEUES.steps,
  startToCloseTimeout: '2h',
  heartbeatTimeout: '20s',
  retry: technical,
});

/** The one dangerous write. Flink may take 300 s to answer; a second call of the same id finds its own run. */
const restoring = proxyActivities<Activities>({
  taskQueue: QUEUES.restores,
  startToCloseTimeout: '7m',
  heartbeatTimeout: '10s',
  retry: technical,
});

/** A savepoint may come first, which takes as long as a checkpoint may. A second call finds what the first did. */
const stopping = proxyActivities<Activities>({
  taskQueue: QUEUES.restores,
  startToCloseTimeout: '15m',
  heartbeatTimeout: '10s',
  retry: technical,
});

/** A repair waits for its turn in the cluster, and is one rename. A second call finds what the first did. */
const repairing = proxyActivities<Activities>({
  taskQueue: QUEUES.steps,
  startToCloseTimeout: '5m',
  heartbeatTimeout: '10s',
  retry: technical,
});

/** Waiting. Bounded from outside: by the attempt's back-off, by a person, by the case's deadline. */
const waiting = proxyActivities<Activities>({
  taskQueue: QUEUES.waits,
  startToCloseTimeout: '24h',
  heartbeatTimeout: '10s',
  // Who stops waiting goes on at once; the waiter learns it with its next heartbeat.
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { ...technical, maximumAttempts: Number.POSITIVE_INFINITY },
});

/** The watch looks every ten seconds: only a longer silence than that means that its worker is dead. */
const watching = proxyActivities<Activities>({
  taskQueue: QUEUES.waits,
  startToCloseTimeout: '24h',
  heartbeatTimeout: '30s',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { ...technical, maximumAttempts: Number.POSITIVE_INFINITY },
});

/** People are told beside everything else; a receiver that does not answer takes no place of a working step. */
const telling = proxyActivities<Activities>({
  taskQueue: QUEUES.waits,
  startToCloseTimeout: '5m',
  heartbeatTimeout: '3m',
  scheduleToCloseTimeout: '30m',
  retry: technical,
});

type Step<K extends keyof Activities> = (
  input: Parameters<Activities[K]>[0],
  summary: string,
) => ReturnType<Activities[K]>;

/** A step with the one line that the Temporal UI shows beside it. */
function step<K extends keyof Activities>(
  proxy: ActivityInterfaceFor<Activities> | LocalActivityInterfaceFor<Activities>,
  name: K,
  more: (input: Parameters<Activities[K]>[0]) => ActivityOptions = () => ({}),
): Step<K> {
  const activity = proxy[name] as unknown as {
    executeWithOptions(options: ActivityOptions, args: readonly unknown[]): ReturnType<Activities[K]>;
  };
  return (input, summary) =>
    activity.executeWithOptions({ summary: summary.slice(0, 150), ...more(input) }, [input]);
}

/** Milliseconds after which the server ends a wait that its worker did not end: a probe hangs, a worker is dead. */
const OVERDUE = 2_000;

export const openCase = step(opening, 'openCase');
export const assessRun = step(quick, 'assessRun');
export const fetchPointer = step(quick, 'fetchPointer');
export const checkOffsets = step(quick, 'checkOffsets');
export const resumeOffsets = step(quick, 'resumeOffsets');
export const notify = step(telling, 'notify');
export const raiseAlert = step(quick, 'raiseAlert');
export const handOver = step(quick, 'handOver');
export const examineDeadEnd = step(quick, 'examineDeadEnd');
export const readState = step(thorough, 'readState');
export const restoreJob = step(restoring, 'restoreJob');
export const setStart = step(quick, 'setStart');
export const startJob = step(restoring, 'startJob');
export const stopRun = step(stopping, 'stopRun');
export const requestRepair = step(repairing, 'requestRepair');
export const repairDeadEnd = step(repairing, 'repairDeadEnd');
export const confirmRestored = step(waiting, 'confirmRestored');
export const awaitReturn = step(waiting, 'awaitReturn', ({ atMost }) => ({
  scheduleToCloseTimeout: atMost + OVERDUE,
}));
export const awaitRelease = step(waiting, 'awaitRelease');
export const watchRun = step(waiting, 'watchRun');
export const watchJobs = step(watching, 'watchJobs');
