/**
 * The history of one execution as the Temporal server (1.32) writes it: which event at once, which only when the workflow
 * task at work is over, and when a new task is scheduled. `honest.real.test.ts` compares it with what a real server wrote.
 */
import proto, { type coresdk, type temporal } from '@temporalio/proto';

type Job = coresdk.workflow_activation.IWorkflowActivationJob;
type Command = coresdk.workflow_commands.IWorkflowCommand;
type Attributes = Readonly<Record<string, unknown>>;

export interface HistoryEvent {
  /** The name of the event's attributes, without the ending that all have: `activityTaskScheduled`. */
  readonly is: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly attributes: Attributes;
}

export interface ServerHistory {
  readonly events: readonly HistoryEvent[];
  /** A task is wanted of the worker, or is at work there. */
  readonly taskOpen: boolean;
  /** Since when (epoch milliseconds); 0: there is none. */
  readonly taskSince: number;
  /** Events that wait for the end of the task at work: it may not close the execution before its code has seen them. */
  readonly unseen: boolean;
  /** `later`: messages wait too, until {@link ServerHistory.mayBegin}. */
  begins(attributes: Attributes, later: boolean): void;
  mayBegin(): void;
  /** What the code is told of, and the server has an event for. */
  happens(job: Job, attempt?: number): void;
  /** The end of a step, or of a wait that nobody waits for any more. `attempt`: the last at a worker; null: none was. */
  stepEnds(seq: number, is: string, attributes: Attributes, attempt: number | null): void;
  /** @param continueAfter events from which on the server suggests to continue as new: whether it does. */
  taskStarts(continueAfter: number): boolean;
  /**
   * `commands` in their order; those of a step within the task as its marker (see {@link markerOf}). Returns the number
   * of events up to and with the task's own.
   */
  taskEnds(commands: readonly (Command | Marker)[]): number;
  /** Nobody answered for it in time, it would have closed too early, or a person resets the execution to before its end. */
  taskFails(why: 'timed out' | 'unseen events' | 'reset'): void;
  /** The worker that it was kept for did not come for it in time: it is for any worker now. */
  taskWaitsInVain(): void;
  /** The same history up to an event, for an execution that is reset to there. */
  upTo(events: number): ServerHistory;
  /** As a client fetches it, for the SDK's own replay. */
  fetched(): temporal.api.history.v1.IHistory;
}

/** The end of a step that was carried out within the task. */
export interface Marker {
  readonly marker: Attributes;
}

interface Task {
  readonly since: number;
  /** Ids of its events; 0: not written yet. A task for an update alone is written only when the update is not refused. */
  scheduled: number;
  started: number;
  atWork: boolean;
  /** Nothing but updates asked for it. */
  forUpdates: boolean;
  startedWith: Attributes;
}

const QUEUE = { name: 'holdfast', kind: 1 };
/** What the SDK's Core notes in the first task that it completes: without them a replay is less strict. */
const SDK = { coreUsedFlags: [1, 2, 3], langUsedFlags: [1, 2, 3, 4, 5, 6], sdkName: 'temporal-typescript' };
const CAUSE = { 'unseen events': 1, reset: 20 } as const;

export function createServerHistory(now: () => number, kept: readonly HistoryEvent[] = []): ServerHistory {
  const events: HistoryEvent[] = [...kept];
  const buffered: { readonly timer?: number; readonly write: () => void }[] = [];
  let task: Task | null = null;
  let later = false;
  /** Updates that came while a task was at work. */
  let asked = false;

  const write = (is: string, attributes: Attributes): number => events.push({ is, at: now(), attributes });
  const idOf = (is: string, key: string, value: unknown): number =>
    1 + events.findLastIndex((e) => e.is === is && e.attributes[key] === value);
  const stepOf = (seq: number): number => idOf('activityTaskScheduled', 'seq', seq);
  const timerOf = (seq: number): number => idOf('timerStarted', 'timerId', String(seq));

  const newTask = (forUpdates: boolean): Task => ({
    since: now(),
    scheduled: 0,
    started: 0,
    atWork: false,
    forUpdates,
    startedWith: {},
  });
  const schedule = (): void => {
    if (later) return;
    task ??= newTask(false);
    if (task.scheduled === 0)
      task.scheduled = write('workflowTaskScheduled', { taskQueue: QUEUE, attempt: 1 });
  };
  const outside = (writing: () => void, timer?: number): void => {
    if (task?.atWork === true) {
      buffered.push({ write: writing, ...(timer === undefined ? {} : { timer }) });
      return;
    }
    // A task that was for an update alone is one for everything from here on.
    if (task !== null) schedule();
    writing();
    schedule();
  };
  /** What waited for the end of a task, and the next task for it. */
  const flush = (): void => {
    const waiting = buffered.splice(0);
    for (const { write: writing } of waiting) writing();
    if (waiting.length > 0) schedule();
    else if (asked) askForTask();
    asked = false;
  };
  const askForTask = (): void => {
    task ??= newTask(true);
  };
  const stepEnds = (seq: number, is: string, attributes: Attributes, attempt: number | null): void =>
    outside(() => {
      const scheduledEventId = stepOf(seq);
      const startedEventId =
        attempt === null ? 0 : write('activityTaskStarted', { scheduledEventId, attempt });
      write(is, { ...attributes, scheduledEventId, startedEventId });
    });

  const carryOut = (completed: number, command: Command | Marker): void => {
    const by = { workflowTaskCompletedEventId: completed };
    if ('marker' in command) {
      write('markerRecorded', { ...by, markerName: 'core_local_activity', ...command.marker });
    } else if (command.startTimer) {
      const { seq, startToFireTimeout } = command.startTimer;
      write('timerStarted', { ...by, timerId: String(seq), startToFireTimeout });
    } else if (command.cancelTimer) {
      const { seq } = command.cancelTimer;
      // One that fired while the task was at work has not fired.
      const fired = buffered.findIndex((b) => b.timer === seq);
      if (fired >= 0) buffered.splice(fired, 1);
      write('timerCanceled', { ...by, timerId: String(seq), startedEventId: timerOf(seq ?? 0) });
    } else if (command.scheduleActivity) {
      const {
        seq,
        activityId,
        activityType,
        taskQueue,
        arguments: args,
        retryPolicy,
      } = command.scheduleActivity;
      write('activityTaskScheduled', {
        ...by,
        seq,
        activityId,
        activityType: { name: activityType },
        taskQueue: { name: taskQueue, kind: 1 },
        input: { payloads: args },
        retryPolicy,
      });
    } else if (command.requestCancelActivity) {
      const scheduledEventId = stepOf(command.requestCancelActivity.seq ?? 0);
      write('activityTaskCancelRequested', { ...by, scheduledEventId });
    } else if (command.upsertWorkflowSearchAttributes) {
      const { searchAttributes } = command.upsertWorkflowSearchAttributes;
      write('upsertWorkflowSearchAttributes', { ...by, searchAttributes });
    } else if (command.modifyWorkflowProperties) {
      const { upsertedMemo } = command.modifyWorkflowProperties;
      write('workflowPropertiesModified', { ...by, upsertedMemo });
    } else if (command.completeWorkflowExecution) {
      const { result } = command.completeWorkflowExecution;
      write('workflowExecutionCompleted', { ...by, result: { payloads: result ? [result] : [] } });
    } else if (command.failWorkflowExecution) {
      write('workflowExecutionFailed', { ...by, failure: command.failWorkflowExecution.failure });
    } else if (command.cancelWorkflowExecution) {
      write('workflowExecutionCanceled', by);
    } else if (command.continueAsNewWorkflowExecution) {
      const { workflowType, arguments: args } = command.continueAsNewWorkflowExecution;
      const more = { workflowType: { name: workflowType }, input: { payloads: args } };
      write('workflowExecutionContinuedAsNew', { ...by, ...more });
    } else if (command.updateResponse) {
      answer(command.updateResponse);
    }
  };

  const updates = new Map<string, Attributes>();
  const answer = (response: coresdk.workflow_commands.IUpdateResponse): void => {
    const id = response.protocolInstanceId ?? '';
    if (response.accepted)
      write('workflowExecutionUpdateAccepted', {
        protocolInstanceId: id,
        acceptedRequestMessageId: `${id}/request`,
        acceptedRequestSequencingEventId: task?.scheduled,
        acceptedRequest: updates.get(id),
      });
    if (response.completed)
      write('workflowExecutionUpdateCompleted', {
        meta: { updateId: id },
        acceptedEventId: idOf('workflowExecutionUpdateAccepted', 'protocolInstanceId', id),
        outcome: { success: { payloads: [response.completed] } },
      });
  };

  return {
    events,
    get taskOpen() {
      return task !== null;
    },
    get taskSince() {
      return task?.since ?? 0;
    },
    get unseen() {
      return buffered.length > 0;
    },
    begins: (attributes, waits) => {
      write('workflowExecutionStarted', attributes);
      later = waits;
    },
    mayBegin: () => {
      later = false;
      schedule();
    },
    happens: (job, attempt = 1) => {
      const { signalWorkflow, cancelWorkflow, fireTimer, resolveActivity, doUpdate } = job;
      if (signalWorkflow) {
        const { signalName, input } = signalWorkflow;
        outside(() => void write('workflowExecutionSignaled', { signalName, input: { payloads: input } }));
      } else if (cancelWorkflow) {
        outside(() => void write('workflowExecutionCancelRequested', {}));
      } else if (fireTimer) {
        const seq = fireTimer.seq ?? 0;
        const attributes = { timerId: String(seq), startedEventId: timerOf(seq) };
        outside(() => void write('timerFired', attributes), seq);
      } else if (resolveActivity) {
        const { completed, failed } = resolveActivity.result ?? {};
        const cause = failed?.failure?.cause;
        const retryState = failed?.failure?.activityFailureInfo?.retryState;
        const is = completed ? 'Completed' : cause?.timeoutFailureInfo ? 'TimedOut' : 'Failed';
        const how = completed
          ? { result: { payloads: completed.result ? [completed.result] : [] } }
          : { failure: cause, retryState };
        stepEnds(resolveActivity.seq ?? 0, `activityTask${is}`, how, attempt);
      } else if (doUpdate) {
        const { id, name, input } = doUpdate;
        updates.set(id ?? '', { meta: { updateId: id }, input: { name, args: { payloads: input } } });
        if (task?.atWork === true) asked = true;
        else askForTask();
      }
    },
    stepEnds,
    taskStarts: (continueAfter) => {
      if (task === null) throw new Error('a task starts that was not scheduled');
      // With the events of the task itself, written or not.
      const suggestContinueAsNew = events.length + (task.scheduled > 0 ? 1 : 2) >= continueAfter;
      task.atWork = true;
      task.startedWith = { suggestContinueAsNew };
      if (task.scheduled > 0)
        task.started = write('workflowTaskStarted', {
          scheduledEventId: task.scheduled,
          ...task.startedWith,
        });
      return suggestContinueAsNew;
    },
    taskEnds: (commands) => {
      if (task === null) throw new Error('a task ends that was not scheduled');
      const refused = commands.every((c) => 'updateResponse' in c && c.updateResponse?.rejected);
      if (!(task.forUpdates && task.scheduled === 0 && refused)) {
        if (task.scheduled === 0) {
          task.scheduled = write('workflowTaskScheduled', { taskQueue: QUEUE, attempt: 1 });
          task.started = write('workflowTaskStarted', {
            scheduledEventId: task.scheduled,
            ...task.startedWith,
          });
        }
        const ids = { scheduledEventId: task.scheduled, startedEventId: task.started };
        const completed = write('workflowTaskCompleted', { ...ids, sdkMetadata: SDK });
        for (const command of commands) carryOut(completed, command);
      }
      const written = events.length;
      task = null;
      flush();
      return written;
    },
    taskFails: (why) => {
      if (task === null) throw new Error('a task fails that was not scheduled');
      const ids = { scheduledEventId: task.scheduled, startedEventId: task.started };
      // A task that is tried again is written only once it is completed: of the second failure in a row there is nothing.
      if (task.started > 0) {
        if (why === 'timed out') write('workflowTaskTimedOut', { ...ids, timeoutType: 1 });
        else write('workflowTaskFailed', { ...ids, cause: CAUSE[why] });
      }
      task = newTask(false);
      flush();
    },
    taskWaitsInVain: () => {
      schedule();
      const scheduledEventId = task?.scheduled;
      write('workflowTaskTimedOut', { scheduledEventId, startedEventId: 0, timeoutType: 2 });
      task = null;
      schedule();
    },
    upTo: (count) => createServerHistory(now, events.slice(0, count)),
    fetched: () =>
      proto.temporal.api.history.v1.History.fromObject({
        events: events.map(({ is, at, attributes }, i) => ({
          eventId: i + 1,
          eventTime: { seconds: Math.floor(at / 1000), nanos: (at % 1000) * 1_000_000 },
          eventType: `EVENT_TYPE_${is.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`,
          [`${is}EventAttributes`]: attributes,
        })),
      }),
  };
}

/** What Core writes of a step that was carried out within a task. */
export function markerOf(
  step: { readonly seq: number; readonly id: string; readonly step: string; readonly attempt: number },
  times: { readonly scheduled: number; readonly ended: number },
  toPayload: (value: unknown) => temporal.api.common.v1.IPayload,
  result: temporal.api.common.v1.IPayload | null,
  failure: temporal.api.failure.v1.IFailure | null,
): Marker {
  const time = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 });
  const data = {
    seq: step.seq,
    attempt: step.attempt,
    activity_id: step.id,
    activity_type: step.step,
    complete_time: time(times.ended),
    backoff: null,
    original_schedule_time: time(times.scheduled),
  };
  const told = { data: { payloads: [toPayload(data)] } };
  if (failure !== null) return { marker: { details: told, failure } };
  return { marker: { details: { ...told, result: { payloads: result === null ? [] : [result] } } } };
}
