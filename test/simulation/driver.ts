/**
 * The sandbox driver: real workflow code in the SDK's own sandbox, real activities in the SDK's own activity context,
 * and a model of the Temporal server between them, all in virtual time. The only file that knows internals of the SDK
 * (1.24): expect to touch it with every upgrade. It is a model of the server, not the server.
 */
import { ApplicationFailure, CancelledFailure, defaultFailureConverter } from '@temporalio/common';
import { defaultPayloadConverter, toPayloads, type Payload } from '@temporalio/common';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';
import { TypedSearchAttributes } from '@temporalio/common';
import proto, { type coresdk, type temporal } from '@temporalio/proto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { parseWorkflowCode } from '@temporalio/worker/lib/worker.js';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { globalHandlers } from '@temporalio/worker/lib/workflow/vm-shared.js';
import type { Workflow, WorkflowCreateOptions } from '@temporalio/worker/lib/workflow/interface.js';
import Long from 'long';
import { QUEUES } from '../../client/index.js';
import { stepInterceptor } from '../../worker/interceptor.js';
import { STICKY_TIMEOUT, WAIT_BEAT } from '../../worker/run.js';
import { scrubber } from '../../worker/scrub.js';
import { random, type Random } from './seed.js';
import { createServerHistory, markerOf, type Marker, type ServerHistory } from './server-history.js';
import type { Doing, Process, Timeline } from './timeline.js';

type Job = coresdk.workflow_activation.IWorkflowActivationJob;
type Command = coresdk.workflow_commands.IWorkflowCommand;
type ProtoFailure = temporal.api.failure.v1.IFailure;
type Steps = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Workflow code, parsed once for many simulations. */
export type Sandbox = ReusableVMWorkflowCreator;

/**
 * Without two things that a worker has and a simulation pays dearly for: the hook that notes a stack trace for every
 * promise of the process, and the watchdog thread of every call into the sandbox.
 */
export function makeSandbox(code: string, steps: readonly string[]): Promise<Sandbox> {
  (globalHandlers as unknown as { installed: boolean }).installed = true;
  const noWatchdog = undefined as unknown as number;
  return ReusableVMWorkflowCreator.create(parseWorkflowCode(code), noWatchdog, new Set(steps));
}

/** What a step did, as the server recorded it. */
export interface StepRecord {
  readonly workflow: string;
  readonly step: string;
  /** As {@link DriverHooks.stepScheduled} returned it. */
  readonly nth: number;
  readonly input: unknown;
  readonly scheduled: number;
  readonly ended: number;
  readonly attempts: number;
  readonly result: unknown;
  /** Null: it succeeded. */
  readonly failed: string | null;
}

export interface DriverHooks {
  /** A workflow task was carried out. */
  taskDone(workflow: string): void;
  /** Returns the step's number among those of its name, for whoever runs it. */
  stepScheduled(workflow: string, step: string, input: unknown): number;
  stepDone(record: StepRecord): void;
  /** Code that fails a workflow task, or replays differently, is a bug, whatever the world did. */
  broken(what: string): void;
  /** The execution ended, continued as new, or was reset. */
  closed(workflow: string, how: string, result: unknown): void;
  note(text: string): void;
  /** Everything that the server stores, as JSON. */
  recorded(text: string): void;
}

export interface Start {
  readonly type: string;
  readonly id: string;
  readonly input: unknown;
  readonly memo?: Readonly<Record<string, Payload>>;
}

/** How the history of one execution grew. */
export interface HistorySize {
  readonly events: number;
  /** Of payloads and failures, as JSON. */
  readonly bytes: number;
}

export interface Driver {
  start(start: Start): void;
  /** Returns the id of the execution that hears it. */
  signalWithStart(start: Start, signal: string, argument: unknown): string;
  signal(id: string, name: string, argument: unknown): boolean;
  /** Sends an update, and starts the execution first when `start` is given and none is open. The same id is the same update. */
  update(id: string, name: string, argument: unknown, updateId?: string, start?: Start): boolean;
  /** What an update was answered with; null while it was not. */
  answerTo(updateId: string): UpdateAnswer | null;
  /**
   * Resets an execution as `temporal workflow reset` does: its history up to a task is kept, what came after it is
   * forgotten, only messages are told again. `share` (0 to 1) says which task is done anew.
   */
  reset(id: string, share: number): boolean;
  cancel(id: string): boolean;
  isOpen(id: string): boolean;
  query(id: string, name: string): Promise<unknown>;
  /** The memo of an execution as `describe` shows it; undefined: there is none. */
  memo(id: string): Readonly<Record<string, unknown>> | undefined;
  size(id: string): HistorySize;
  /** What the server has written of every execution of an id, the oldest first. */
  histories(id: string): readonly ServerHistory[];
  /** Kills the worker's process; a new one is there after `downFor`. */
  crash(downFor: number): void;
  /** A rolling deploy: steps are cut off in good order. */
  deploy(downFor: number): void;
  /** Temporal no longer hears the worker, which works on; another takes over after `downFor`. */
  cutOff(downFor: number): void;
  /** The cache forgets the execution: the next task replays it cold. */
  evict(): void;
  /** Replays every execution from its beginning. */
  replayAll(): Promise<void>;
  close(): Promise<void>;
}

export type UpdateAnswer = { readonly result: unknown } | { readonly failed: string };

/** One completed workflow task. */
interface Batch {
  readonly activations: readonly Activation[];
  readonly time: number;
  readonly continueAsNew: boolean;
  readonly carriedOut: readonly Command[];
  /** When the server had them. */
  readonly completed: number;
  /** Events, with those of this task. */
  readonly events: number;
}

/** What the code was told at once, and what it wanted then. */
interface Activation {
  readonly jobs: readonly Job[];
  readonly time: number;
  /** As JSON, for comparison. */
  readonly commands: string;
}

/** A workflow task at a worker. It goes on while steps within it are at work, and takes no further messages. */
interface WorkflowTask {
  /** What the server told with it. */
  readonly jobs: readonly Job[];
  readonly began: number;
  readonly process: Process;
  readonly continueAsNew: boolean;
  readonly activations: Activation[];
  readonly commands: (Command | Marker)[];
}

interface Task {
  readonly seq: number;
  readonly step: string;
  readonly id: string;
  readonly input: readonly unknown[];
  readonly startToClose: number | null;
  readonly scheduleToClose: number | null;
  readonly heartbeatTimeout: number | null;
  /** Milliseconds. */
  readonly mostBetweenBeats: number;
  readonly retry: { initial: number; factor: number; max: number; attempts: number };
  readonly scheduled: number;
  readonly nth: number;
  /** Carried out within a workflow task: one event, and no process but that of the task. */
  readonly local: boolean;
  attempt: number;
  cancelRequested: boolean;
  details: unknown;
  running: Attempt | null;
  open: boolean;
}

interface Attempt {
  readonly process: Process;
  readonly environment: MockActivityEnvironment;
  lastBeat: number;
  /** The details of its last heartbeat, sent or not. */
  unsent: unknown;
  callOff: (() => void)[];
}

interface Execution {
  readonly type: string;
  readonly id: string;
  readonly runId: string;
  readonly originalRunId: string;
  readonly firstRunId: string;
  readonly startedAt: number;
  readonly seed: number;
  memo: Record<string, Payload>;
  searchAttributes: Record<string, Payload>;
  sandbox: Workflow | null;
  history: Batch[];
  jobs: Job[];
  /** A task is planned or at work. */
  taskPlanned: boolean;
  atWork: WorkflowTask | null;
  /** Who had its last task. */
  keptFor: Process | null;
  /** No task begins earlier: the server still waits for one that was lost. */
  notBefore: number;
  open: boolean;
  written: ServerHistory;
  bytes: number;
  readonly timers: Map<number, () => void>;
  readonly tasks: Map<number, Task>;
}

export interface DriverOptions {
  readonly timeline: Timeline;
  readonly sandbox: Sandbox;
  readonly random: Random;
  /** The steps as a worker's process has them: its own ports, its own memory. */
  readonly steps: (process: Process) => Steps;
  readonly hooks: DriverHooks;
  /** Events after which the server suggests to continue as new. */
  readonly continueAfter: number;
  readonly secrets: readonly string[];
}

const RETRY_STATE = { nonRetryable: 2, timeout: 3, exhausted: 4, cancelled: 6 } as const;
const TIMEOUT = { startToClose: 1, scheduleToClose: 3, heartbeat: 4 } as const;
/** The server waits this long for the answer to a workflow task (milliseconds). */
const TASK_TIMEOUT = 10_000;
/** The slowest workflow task (milliseconds). */
export const SLOW_TASK = 120;
/**
 * The server's timers are due this much later at the earliest (milliseconds): its queue reads ahead by a second, and what
 * is added behind its mark waits for the next reading.
 */
const TIMER_LAG = 1_000;
/** A worker that no longer comes for tasks is believed to come for them for so long (milliseconds). */
const UNNOTICED = 10_000;
/** An execution that continues as new has its first task no earlier after its own start (milliseconds). */
const SHORTEST_RUN = 1_000;
const FLAGS = [1, 2, 3, 4, 5, 6];
const QUIET = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const plain = (of: Payload | null | undefined): unknown =>
  of === null || of === undefined ? undefined : defaultPayloadConverter.fromPayload(of);
const json = (value: unknown): string =>
  // Bytes made inside the sandbox are of another realm: `instanceof` does not know them.
  JSON.stringify(value, (_, v: unknown) =>
    ArrayBuffer.isView(v) ? Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString() : v,
  );

export function createDriver(options: DriverOptions): Driver {
  const { timeline, sandbox, hooks } = options;
  const executions = new Map<string, Execution>();
  const past: Execution[] = [];
  let processes = 0;
  let worker: { process: Process; steps: Steps } | null = null;
  let runs = 0;
  let updates = 0;
  const sent = new Set<string>();
  const lostAt = new WeakMap<Process, number>();
  const updateAnswers = new Map<string, UpdateAnswer>();

  const boot = (): void => {
    const process: Process = { name: `worker-${++processes}`, dead: false, cutOff: false };
    worker = { process, steps: options.steps(process) };
    for (const e of executions.values()) {
      plan(e);
      for (const task of e.tasks.values()) if (task.open && task.running === null) dispatch(e, task, 5);
    }
  };

  // ── Executions ────────────────────────────────────────────────────────────────────────────────────────────────

  const newRunId = (): string => `run-${++runs}-${options.random.int(0, 0x7fffffff).toString(16)}`;

  /**
   * @param first what the execution is told before its first task.
   * @param after epoch milliseconds before which it has none.
   */
  const create = (start: Start & { readonly from?: Execution }, first?: Job, after = 0): Execution => {
    const runId = newRunId();
    const seed = options.random.int(0, 0x7fffffff);
    const e: Execution = {
      ...blank(createServerHistory(() => timeline.now())),
      type: start.type,
      id: start.id,
      runId,
      originalRunId: runId,
      firstRunId: start.from?.firstRunId ?? runId,
      startedAt: timeline.now(),
      seed,
      memo: { ...(start.memo ?? start.from?.memo) },
      searchAttributes: { ...start.from?.searchAttributes },
      notBefore: after,
    };
    executions.set(e.id, e);
    const input = toPayloads(defaultPayloadConverter, start.input) ?? [];
    const carried = {
      memo: { fields: { ...e.memo } },
      searchAttributes: { indexedFields: { ...e.searchAttributes } },
    };
    const initializeWorkflow = {
      workflowType: e.type,
      workflowId: e.id,
      arguments: input,
      randomnessSeed: Long.fromNumber(seed, true),
      headers: {},
      identity: 'simulation',
      firstExecutionRunId: e.firstRunId,
      attempt: 1,
      startTime: msToTs(e.startedAt),
      workflowTaskTimeout: msToTs(TASK_TIMEOUT),
      ...carried,
    };
    e.jobs.push({ initializeWorkflow });
    e.bytes += record({ initializeWorkflow });
    const waits = after > timeline.now();
    e.written.begins(
      {
        workflowType: { name: e.type },
        workflowId: e.id,
        taskQueue: { name: 'holdfast', kind: 1 },
        input: { payloads: input },
        workflowTaskTimeout: msToTs(TASK_TIMEOUT),
        originalExecutionRunId: e.originalRunId,
        firstExecutionRunId: e.firstRunId,
        continuedExecutionRunId: start.from?.runId ?? '',
        attempt: 1,
        ...carried,
      },
      waits,
    );
    if (first !== undefined) add(e, first);
    if (!waits) e.written.mayBegin();
    else timeline.at(after, () => begun(e));
    plan(e);
    return e;
  };

  const begun = (e: Execution): void => {
    if (!e.open) return;
    e.written.mayBegin();
    plan(e);
  };

  const record = (what: unknown): number => {
    const text = json(what);
    hooks.recorded(text);
    return text.length;
  };

  const add = (e: Execution, job: Job, attempt?: number): void => {
    e.jobs.push(job);
    e.written.happens(job, attempt);
    e.bytes += record(job);
    plan(e);
  };

  /** The server keeps its tasks for the worker that has it in its cache, and does not know yet that this one is gone. */
  const isKeptForLost = (e: Execution): boolean => {
    const lost = e.keptFor === null ? undefined : lostAt.get(e.keptFor);
    return lost !== undefined && timeline.now() < lost + UNNOTICED;
  };

  const plan = (e: Execution): void => {
    if (e.taskPlanned || !e.open || !e.written.taskOpen) return;
    if (isKeptForLost(e)) {
      e.taskPlanned = true;
      timeline.at(e.written.taskSince + STICKY_TIMEOUT, () => {
        e.taskPlanned = false;
        if (!e.open) return;
        e.keptFor = null;
        e.written.taskWaitsInVain();
        plan(e);
      });
      return;
    }
    if (worker === null) return;
    e.taskPlanned = true;
    timeline.at(Math.max(e.notBefore, timeline.now() + options.random.int(1, 4)), () => runTask(e));
  };

  const runTask = async (e: Execution): Promise<void> => {
    if (!e.open || worker === null || !e.written.taskOpen || isKeptForLost(e)) {
      e.taskPlanned = false;
      return plan(e);
    }
    const running = await warm(e);
    if (running === null) return;
    const jobs = ordered(e.jobs);
    e.jobs = [];
    const continueAsNew = e.written.taskStarts(options.continueAfter);
    const { process } = worker;
    const task = { jobs, began: timeline.now(), process, continueAsNew, activations: [], commands: [] };
    e.atWork = task;
    await workOn(e, task, jobs);
  };

  /** Tells the code, and what it is told for what it then wants, until there is nothing left but to tell the server. */
  const workOn = async (e: Execution, task: WorkflowTask, jobs: readonly Job[]): Promise<void> => {
    if (e.sandbox === null) return;
    for (let told = jobs; told.length > 0;) {
      const time = timeline.now();
      const commands = await activate(e, e.sandbox, told, time, false, task.continueAsNew);
      if (commands === null) return;
      task.activations.push({ jobs: told, time, commands: json(commands) });
      task.commands.push(...commands);
      for (const { scheduleLocalActivity } of commands)
        if (scheduleLocalActivity) schedule(e, scheduleLocalActivity, true);
      told = commands.flatMap(({ requestCancelActivity: of }) => (of ? calledOff(e, task, of.seq ?? 0) : []));
    }
    if ([...e.tasks.values()].some((step) => step.local && step.open)) return;
    // What comes from here on belongs to the next task; the commands count only when the server has them.
    const took = options.random.chance(0.9) ? options.random.int(0, 2) : options.random.int(3, SLOW_TASK);
    timeline.at(timeline.now() + took, () => complete(e, task));
  };

  const complete = (e: Execution, task: WorkflowTask): void => {
    if (!e.open || e.atWork !== task) return;
    if (task.process.dead || task.process.cutOff) return redo(e, 'timed out');
    const commands = task.commands.filter(isCommand);
    if (e.written.unseen && commands.some(closes)) return redo(e, 'unseen events');
    e.atWork = null;
    e.taskPlanned = false;
    e.keptFor = task.process;
    const unsent = neverSent(commands);
    const sent = task.commands.filter((c) => !unsent.has(c));
    remember(e, task, sent.filter(isCommand), e.written.taskEnds(sent));
    for (const command of sent) if (isCommand(command)) carryOut(e, command);
    if (!e.open) return;
    hooks.taskDone(e.id);
    plan(e);
  };

  /** Nobody answered for the task, or it would have closed the execution before an event that it has not seen. */
  const redo = (e: Execution, why: 'timed out' | 'unseen events'): void => {
    const task = e.atWork;
    if (task === null) return;
    void e.sandbox?.dispose();
    e.sandbox = null;
    e.atWork = null;
    e.taskPlanned = false;
    // The steps within it are done again with it.
    for (const step of e.tasks.values()) if (step.local) close(step);
    e.jobs = [...task.jobs, ...e.jobs];
    e.keptFor = null;
    e.notBefore = why === 'timed out' ? task.began + TASK_TIMEOUT : timeline.now();
    timeline.at(e.notBefore, () => {
      if (!e.open) return;
      e.written.taskFails(why);
      plan(e);
    });
  };

  /** What goes into history: rejected updates do not. */
  const remember = (
    e: Execution,
    task: WorkflowTask,
    carriedOut: readonly Command[],
    events: number,
  ): void => {
    const rejected = new Set(
      carriedOut.flatMap((c) => (c.updateResponse?.rejected ? [c.updateResponse.protocolInstanceId] : [])),
    );
    const activations = task.activations.flatMap(({ jobs, time, commands }): readonly Activation[] => {
      const kept = jobs.filter((j) => !j.doUpdate || !rejected.has(j.doUpdate.protocolInstanceId));
      if (kept.length === 0) return [];
      const again = kept.map((j) => (j.doUpdate ? { doUpdate: { ...j.doUpdate, runValidator: false } } : j));
      if (rejected.size === 0) return [{ jobs: again, time, commands }];
      const wanted = (JSON.parse(commands) as Command[]).filter((c) => !c.updateResponse?.rejected);
      return [{ jobs: again, time, commands: JSON.stringify(wanted) }];
    });
    if (activations.length === 0) return;
    const { began, continueAsNew } = task;
    e.history.push({
      activations,
      time: began,
      continueAsNew,
      carriedOut,
      completed: timeline.now(),
      events,
    });
  };

  const warm = async (e: Execution): Promise<Workflow | null> => {
    if (e.sandbox !== null) return e.sandbox;
    const replayed = await replay(e);
    if (replayed !== null) e.sandbox = replayed;
    return replayed;
  };

  /** From the beginning, in a new sandbox: the same jobs must give the same commands. */
  const replay = async (e: Execution): Promise<Workflow | null> => {
    const created = await sandbox.createWorkflow(creation(e));
    for (const { activations, continueAsNew } of e.history)
      for (const { jobs, time, commands: recorded } of activations) {
        const commands = await activate(e, created, jobs, time, true, continueAsNew);
        if (commands === null) return null;
        const now = json(commands);
        if (now !== recorded) {
          hooks.broken(
            `replay of ${e.id} differs: recorded ${recorded.slice(0, 400)}, now ${now.slice(0, 400)}`,
          );
          await created.dispose();
          return null;
        }
      }
    return created;
  };

  const creation = (e: Execution): WorkflowCreateOptions => ({
    info: {
      workflowId: e.id,
      runId: e.runId,
      workflowType: e.type,
      searchAttributes: {},
      typedSearchAttributes: new TypedSearchAttributes(),
      taskQueue: 'holdfast',
      namespace: 'default',
      firstExecutionRunId: e.firstRunId,
      originalExecutionRunId: e.originalRunId,
      startTime: new Date(e.startedAt),
      runStartTime: new Date(e.startedAt),
      taskTimeoutMs: TASK_TIMEOUT,
      attempt: 1,
      historyLength: 3,
      historySize: 0,
      continueAsNewSuggested: false,
      targetWorkerDeploymentVersionChanged: false,
      unsafe: {
        now: () => timeline.now(),
        isReplaying: false,
        isReplayingHistoryEvents: false,
        random: { random: () => 0, uuid4: () => '', fillRandom: (bytes) => bytes },
      },
    },
    randomnessSeed: Long.fromNumber(e.seed, true).toBytes(),
    now: e.startedAt,
    showStackTraceSources: false,
  });

  const activate = async (
    e: Execution,
    running: Workflow,
    jobs: readonly Job[],
    time: number,
    isReplaying: boolean,
    continueAsNewSuggested: boolean,
  ): Promise<readonly Command[] | null> => {
    const completion = await running.activate({
      runId: e.runId,
      timestamp: msToTs(time),
      isReplaying,
      historyLength: 3,
      historySizeBytes: Long.ZERO,
      continueAsNewSuggested,
      availableInternalFlags: FLAGS,
      jobs: [...jobs],
    });
    await running.getAndResetSinkCalls();
    if (completion.successful) return completion.successful.commands ?? [];
    hooks.broken(`a workflow task of ${e.id} failed: ${completion.failed?.failure?.message ?? 'no message'}`);
    e.open = false;
    return null;
  };

  const carryOut = (e: Execution, command: Command): void => {
    e.bytes += record(command);
    if (command.startTimer) {
      setTimer(e, command.startTimer, timeline.now());
    } else if (command.cancelTimer) {
      const { seq } = command.cancelTimer;
      e.timers.get(seq ?? 0)?.();
      // One that fired while the task was at work has not fired.
      e.jobs = e.jobs.filter((j) => j.fireTimer?.seq !== seq);
    } else if (command.scheduleActivity) {
      schedule(e, command.scheduleActivity, false);
    } else if (command.scheduleLocalActivity) {
      // Carried out within the task, before it was complete.
    } else if (command.requestCancelActivity) {
      requestCancel(e, command.requestCancelActivity.seq ?? 0);
    } else if (command.upsertWorkflowSearchAttributes) {
      Object.assign(
        e.searchAttributes,
        command.upsertWorkflowSearchAttributes.searchAttributes?.indexedFields,
      );
    } else if (command.modifyWorkflowProperties) {
      Object.assign(e.memo, command.modifyWorkflowProperties.upsertedMemo?.fields);
    } else if (command.updateResponse) {
      const { accepted, rejected, completed, protocolInstanceId } = command.updateResponse;
      if (completed) updateAnswers.set(protocolInstanceId ?? '', { result: plain(completed) });
      if (rejected) updateAnswers.set(protocolInstanceId ?? '', { failed: rejected.message ?? 'refused' });
      if (!accepted) hooks.note(rejected ? `refused: ${rejected.message ?? ''}` : 'heard');
    } else if (command.completeWorkflowExecution) {
      end(e, 'completed', plain(command.completeWorkflowExecution.result));
    } else if (command.failWorkflowExecution) {
      const { failure } = command.failWorkflowExecution;
      end(e, `failed: ${failure?.message ?? ''}`, { failedAs: failure?.applicationFailureInfo?.type ?? '' });
    } else if (command.cancelWorkflowExecution) {
      end(e, 'cancelled', undefined);
    } else if (command.continueAsNewWorkflowExecution) {
      const { workflowType, arguments: args, memo } = command.continueAsNewWorkflowExecution;
      // Updates that were not yet accepted are sent again, to the next run.
      const late = e.jobs.filter((j) => j.doUpdate);
      end(e, 'continued as new', undefined);
      const given = memo && Object.keys(memo).length > 0 ? { memo } : {};
      const next = create(
        { type: workflowType || e.type, id: e.id, input: plain(args?.[0]), from: e, ...given },
        undefined,
        e.startedAt + SHORTEST_RUN,
      );
      for (const job of late) add(next, job);
    } else {
      hooks.broken(`the driver does not know the command ${Object.keys(command).join()}`);
    }
  };

  const setTimer = (
    e: Execution,
    { seq, startToFireTimeout }: coresdk.workflow_commands.IStartTimer,
    from: number,
  ): void => {
    const due = Math.max(from + (optionalTsToMs(startToFireTimeout) ?? 0), timeline.now() + TIMER_LAG);
    const callOff = timeline.at(due, () => {
      e.timers.delete(seq ?? 0);
      if (e.open) add(e, { fireTimer: { seq: seq ?? 0 } });
    });
    e.timers.set(seq ?? 0, callOff);
  };

  const end = (e: Execution, how: string, result: unknown): void => {
    e.open = false;
    for (const callOff of e.timers.values()) callOff();
    for (const task of e.tasks.values()) close(task);
    past.push(e);
    void e.sandbox?.dispose();
    e.sandbox = null;
    hooks.closed(e.id, how, result);
  };

  /** The same history up to a task, in a new run. Steps that were at work then begin anew. */
  const resetTo = (from: Execution, anew: number): void => {
    const kept = from.history.slice(0, anew);
    const [again, ...later] = [...from.history.slice(anew).map(toldBy), from.atWork?.jobs ?? [], from.jobs];
    const messages = later.flat().filter((j) => j.signalWorkflow ?? j.doUpdate);
    const { type, id, originalRunId, firstRunId, startedAt, seed, memo, searchAttributes } = from;
    const e: Execution = {
      ...blank(from.written.upTo(kept.at(-1)?.events ?? 0)),
      ...{ type, id, originalRunId, firstRunId, startedAt, seed, memo, searchAttributes },
      runId: newRunId(),
      history: kept,
      bytes: from.bytes,
    };
    executions.set(id, e);
    const anewJob = (job: Job): Job =>
      job.doUpdate ? { doUpdate: { ...job.doUpdate, runValidator: true } } : job;
    for (const job of again ?? []) add(e, anewJob(job));
    if (!e.written.taskOpen) e.written.mayBegin();
    e.written.taskStarts(options.continueAfter);
    e.written.taskFails('reset');
    const randomnessSeed = Long.fromNumber(options.random.int(0, 0x7fffffff), true);
    e.jobs.unshift({ updateRandomSeed: { randomnessSeed } });
    for (const job of messages) add(e, anewJob(job));
    plan(e);
    reopen(e, kept, again ?? []);
  };

  /** Timers and steps that were begun in the kept tasks, and of whose end nothing is kept. */
  const reopen = (e: Execution, kept: readonly Batch[], again: readonly Job[]): void => {
    const told = [...kept.flatMap((b) => b.activations.flatMap((a) => a.jobs)), ...again];
    const fired = new Set(told.map((j) => j.fireTimer?.seq));
    const resolved = new Set(told.map((j) => j.resolveActivity?.seq));
    const commands = kept.flatMap((b) => b.carriedOut.map((command) => ({ command, at: b.completed })));
    const cancelled = new Set(commands.map(({ command }) => command.cancelTimer?.seq));
    for (const { command, at } of commands) {
      const { startTimer, scheduleActivity, requestCancelActivity } = command;
      if (startTimer && !fired.has(startTimer.seq) && !cancelled.has(startTimer.seq))
        setTimer(e, startTimer, at);
      if (scheduleActivity && !resolved.has(scheduleActivity.seq)) schedule(e, scheduleActivity, false);
      if (requestCancelActivity && !resolved.has(requestCancelActivity.seq))
        requestCancel(e, requestCancelActivity.seq ?? 0);
    }
  };

  const evictAll = (): void => {
    for (const e of executions.values()) {
      void e.sandbox?.dispose();
      e.sandbox = null;
    }
  };

  // ── Steps ─────────────────────────────────────────────────────────────────────────────────────────────────────

  const schedule = (
    e: Execution,
    of: coresdk.workflow_commands.IScheduleActivity | coresdk.workflow_commands.IScheduleLocalActivity,
    local: boolean,
  ): void => {
    const retry = of.retryPolicy;
    const initial = optionalTsToMs(retry?.initialInterval) ?? 1000;
    const queue = 'taskQueue' in of ? of.taskQueue : QUEUES.steps;
    const task: Task = {
      seq: of.seq ?? 0,
      step: of.activityType ?? '',
      id: of.activityId ?? '',
      input: (of.arguments ?? []).map(plain),
      startToClose: optionalTsToMs(of.startToCloseTimeout) || null,
      scheduleToClose: optionalTsToMs(of.scheduleToCloseTimeout) || null,
      heartbeatTimeout: ('heartbeatTimeout' in of && optionalTsToMs(of.heartbeatTimeout)) || null,
      local,
      mostBetweenBeats: queue === QUEUES.waits ? WAIT_BEAT : 60_000,
      retry: {
        initial,
        factor: retry?.backoffCoefficient || 2,
        max: optionalTsToMs(retry?.maximumInterval) ?? 100 * initial,
        attempts: retry?.maximumAttempts || Number.POSITIVE_INFINITY,
      },
      scheduled: timeline.now(),
      nth: hooks.stepScheduled(e.id, of.activityType ?? '', plain(of.arguments?.[0])),
      attempt: 1,
      cancelRequested: false,
      details: undefined,
      running: null,
      open: true,
    };
    e.tasks.set(task.seq, task);
    const polled = options.random.int(1, 5);
    // The worker that has the workflow task takes a step of the same queue along with its answer.
    dispatch(e, task, queue === QUEUES.steps ? 0 : polled);
  };

  const dispatch = (e: Execution, task: Task, after: number): void => {
    timeline.at(timeline.now() + after, () => {
      if (task.open && task.running === null && worker !== null) begin(e, task, worker.process, worker.steps);
    });
  };

  const begin = (e: Execution, task: Task, process: Process, steps: Steps): void => {
    const environment = new MockActivityEnvironment(
      {
        attempt: task.attempt,
        activityId: task.id,
        activityType: task.step,
        workflowType: e.type,
        workflowExecution: { workflowId: e.id, runId: e.runId },
        scheduledTimestampMs: task.scheduled,
        currentAttemptScheduledTimestampMs: timeline.now(),
        ...(task.details === undefined ? {} : { heartbeatDetails: task.details }),
      },
      { logger: QUIET, interceptors: [stepInterceptor(scrubber(options.secrets))] },
    );
    const now = timeline.now();
    const attempt: Attempt = { process, environment, lastBeat: now, unsent: undefined, callOff: [] };
    task.running = attempt;
    const deadline = (ms: number, type: number): void =>
      void attempt.callOff.push(timeline.at(now + ms, () => timeOut(e, task, attempt, type)));
    if (task.startToClose !== null) deadline(task.startToClose, TIMEOUT.startToClose);
    if (task.scheduleToClose !== null)
      deadline(Math.max(0, task.scheduled + task.scheduleToClose - now), TIMEOUT.scheduleToClose);
    if (task.heartbeatTimeout !== null) watchBeats(e, task, attempt, task.heartbeatTimeout);
    const beat = (): void => {
      if (process.dead || process.cutOff) return;
      if (task.running !== attempt) {
        timeline.at(timeline.now() + 1, () => environment.cancel('NOT_FOUND'));
        return;
      }
      attempt.lastBeat = timeline.now();
      if (attempt.unsent !== undefined) task.details = attempt.unsent;
      if (task.cancelRequested) timeline.at(timeline.now() + 1, () => environment.cancel('CANCELLED'));
    };
    // The worker sends the first at once, and then no more than one in an interval: the last.
    const between = Math.min(
      task.mostBetweenBeats,
      0.8 * (task.heartbeatTimeout ?? Number.POSITIVE_INFINITY),
    );
    let sent = Number.NEGATIVE_INFINITY;
    environment.on('heartbeat', (details: unknown) => {
      if (details !== undefined) attempt.unsent = JSON.parse(JSON.stringify(details));
      if (sent > timeline.now()) return;
      const due = Math.max(timeline.now(), sent + between);
      sent = due;
      if (due === timeline.now()) beat();
      else timeline.at(due, beat);
    });
    const step = steps[task.step];
    if (step === undefined) return hooks.broken(`nobody carries out the step ${task.step}`);
    const doing: Doing = {
      step: task.step,
      attempt: task.attempt,
      started: now,
      scheduled: task.scheduled,
      process,
      nth: task.nth,
      calls: 0,
      pending: 0,
      waits: new Set(),
    };
    const work = (): Promise<unknown> => environment.run(step as never, ...(task.input as never[]));
    timeline.begin(doing, work).then(
      (result) => report(attempt, () => succeed(e, task, result)),
      (error: unknown) => report(attempt, () => fail(e, task, error)),
    );

    function report(from: Attempt, tell: () => void): void {
      // A dead process tells nothing, one that is cut off is not heard, and the server takes only the attempt it knows.
      timeline.at(timeline.now() + 1, () => {
        if (!process.dead && !process.cutOff && task.open && task.running === from) tell();
      });
    }
  };

  const watchBeats = (e: Execution, task: Task, attempt: Attempt, timeout: number): void => {
    const check = (): void => {
      if (task.running !== attempt) return;
      const silent = timeline.now() - attempt.lastBeat;
      if (silent >= timeout) timeOut(e, task, attempt, TIMEOUT.heartbeat);
      else attempt.callOff.push(timeline.at(attempt.lastBeat + timeout, check));
    };
    attempt.callOff.push(timeline.at(attempt.lastBeat + timeout, check));
  };

  const close = (task: Task): void => {
    task.open = false;
    leave(task);
  };

  const leave = (task: Task): void => {
    for (const callOff of task.running?.callOff ?? []) callOff();
    task.running = null;
  };

  const finish = (e: Execution, task: Task, failed: string | null, result: unknown): void => {
    hooks.stepDone({
      workflow: e.id,
      step: task.step,
      nth: task.nth,
      input: task.input[0],
      scheduled: task.scheduled,
      ended: timeline.now(),
      attempts: task.attempt,
      result,
      failed,
    });
    close(task);
  };

  const succeed = (e: Execution, task: Task, result: unknown): void => {
    const told = payload(result === undefined ? null : result);
    finish(e, task, null, plain(told));
    if (task.cancelRequested)
      return endCancelled(e, task, 'activityTaskCompleted', { result: { payloads: [told] } });
    resolve(e, task, { completed: { result: told } });
  };

  const fail = (e: Execution, task: Task, error: unknown): void => {
    if (task.cancelRequested) {
      finish(e, task, 'cancelled', undefined);
      const heard = error instanceof CancelledFailure && error.message === 'CANCELLED';
      return endCancelled(e, task, heard ? 'activityTaskCanceled' : 'activityTaskFailed');
    }
    const cut = error instanceof CancelledFailure;
    const thrown = cut ? ApplicationFailure.retryable('worker shutdown', 'WorkerShutdown') : error;
    const failure = defaultFailureConverter.errorToFailure(thrown, defaultPayloadConverter);
    // Heartbeats that wait for their turn are sent before the failure.
    task.details = task.running?.unsent ?? task.details;
    if (failure.applicationFailureInfo?.nonRetryable === true)
      return giveUp(e, task, failure, RETRY_STATE.nonRetryable);
    retry(e, task, failure);
  };

  const timeOut = (e: Execution, task: Task, attempt: Attempt, type: number): void => {
    if (!task.open || task.running !== attempt) return;
    const failure: ProtoFailure = {
      message: 'activity timed out',
      source: 'Server',
      timeoutFailureInfo: { timeoutType: type },
    };
    hooks.note(`${task.step} timed out (${type}), attempt ${task.attempt}`);
    if (task.cancelRequested) {
      finish(e, task, 'timed out after cancel', undefined);
      return endCancelled(e, task, 'activityTaskTimedOut');
    }
    if (type === TIMEOUT.scheduleToClose) return giveUp(e, task, failure, RETRY_STATE.timeout);
    retry(e, task, failure);
  };

  const retry = (e: Execution, task: Task, failure: ProtoFailure): void => {
    leave(task);
    if (task.attempt >= task.retry.attempts) return giveUp(e, task, failure, RETRY_STATE.exhausted);
    const wait = Math.min(task.retry.max, task.retry.initial * task.retry.factor ** (task.attempt - 1));
    const over = task.scheduled + (task.scheduleToClose ?? Number.POSITIVE_INFINITY);
    if (timeline.now() + wait >= over) return giveUp(e, task, failure, RETRY_STATE.timeout);
    task.attempt++;
    dispatch(e, task, task.local ? wait : Math.max(wait, TIMER_LAG));
  };

  const giveUp = (e: Execution, task: Task, cause: ProtoFailure, retryState: number): void => {
    finish(e, task, cause.message ?? 'failed', undefined);
    const failure: ProtoFailure = {
      message: 'Activity task failed',
      cause,
      activityFailureInfo: {
        activityType: { name: task.step },
        activityId: task.id,
        retryState,
        identity: 'simulation',
      },
    };
    resolve(e, task, { failed: { failure } });
  };

  const resolve = (e: Execution, task: Task, result: coresdk.activity_result.IActivityResolution): void => {
    const job = { resolveActivity: { seq: task.seq, isLocal: task.local, result } };
    if (!task.local) return add(e, job, task.attempt);
    const { atWork } = e;
    if (atWork === null) return;
    e.bytes += record(job);
    const { completed, failed } = result;
    const times = { scheduled: task.scheduled, ended: timeline.now() };
    atWork.commands.push(markerOf(task, times, payload, completed?.result ?? null, failed?.failure ?? null));
    timeline.at(timeline.now(), () => workOn(e, atWork, [job]));
  };

  /** The end of a wait that nobody waits for: an event, and a workflow task in which there is nothing to do. */
  const endCancelled = (
    e: Execution,
    task: Task,
    is: string,
    attributes: Readonly<Record<string, unknown>> = {},
    attempt: number | null = task.attempt,
  ): void => {
    e.written.stepEnds(task.seq, is, attributes, attempt);
    plan(e);
  };

  /** TRY_CANCEL: the code goes on at once, within the same task. */
  const calledOff = (e: Execution, task: WorkflowTask, seq: number): readonly Job[] => {
    const within = task.commands.flatMap((c) => ('marker' in c ? [] : (c.scheduleActivity ?? [])));
    const now = within.find((of) => of.seq === seq);
    const then = e.tasks.get(seq);
    const failure: ProtoFailure = {
      message: 'Activity cancelled',
      cause: { message: 'Activity cancelled', canceledFailureInfo: {} },
      activityFailureInfo: {
        activityType: { name: then?.step ?? now?.activityType ?? '' },
        activityId: then?.id ?? now?.activityId ?? '',
        retryState: RETRY_STATE.cancelled,
      },
    };
    return [{ resolveActivity: { seq, result: { cancelled: { failure } } } }];
  };

  /** The step learns it with its next heartbeat; one that no worker has is over. */
  const requestCancel = (e: Execution, seq: number): void => {
    const task = e.tasks.get(seq);
    // It ended while the task was at work: the code has heard already that it is cancelled.
    e.jobs = e.jobs.filter((j) => j.resolveActivity?.seq !== seq);
    if (task === undefined || !task.open) return;
    task.cancelRequested = true;
    if (task.running !== null) return;
    finish(e, task, 'cancelled before it began', undefined);
    endCancelled(e, task, 'activityTaskCanceled', {}, null);
  };

  const lose = (downFor: number): void => {
    const from = worker;
    if (from === null) return;
    worker = null;
    evictAll();
    // The next process carries out the workflow task again, and with it the steps within it.
    for (const e of executions.values())
      if ([...e.tasks.values()].some((step) => step.local && step.open)) redo(e, 'timed out');
    timeline.at(timeline.now() + downFor, boot);
  };

  boot();
  return {
    start: (start) => void create(start),
    signalWithStart(start, signal, argument) {
      const e = executions.get(start.id);
      const job = signalJob(signal, argument);
      if (e?.open !== true) return create(start, job).runId;
      add(e, job);
      return e.runId;
    },
    signal(id, name, argument) {
      const e = executions.get(id);
      if (e?.open !== true) return false;
      add(e, signalJob(name, argument));
      return true;
    },
    update(id, name, argument, updateId = `update-${++updates}`, start) {
      if (sent.has(updateId)) return true;
      const there = executions.get(id);
      const e = there?.open === true ? there : start === undefined ? undefined : create(start);
      if (e === undefined) return false;
      sent.add(updateId);
      add(e, {
        doUpdate: {
          id: updateId,
          protocolInstanceId: updateId,
          name,
          input: toPayloads(defaultPayloadConverter, argument) ?? [],
          headers: {},
          meta: { updateId, identity: 'simulation' },
          runValidator: true,
        },
      });
      return true;
    },
    answerTo: (updateId) => updateAnswers.get(updateId) ?? null,
    reset(id, share) {
      const e = executions.get(id);
      if (e?.open !== true || e.history.length < 2) return false;
      const anew = Math.min(e.history.length - 1, 1 + Math.floor(share * (e.history.length - 1)));
      end(e, 'reset', undefined);
      resetTo(e, anew);
      return true;
    },
    cancel(id) {
      const e = executions.get(id);
      if (e?.open !== true) return false;
      add(e, { cancelWorkflow: { reason: '' } });
      return true;
    },
    isOpen: (id) => executions.get(id)?.open === true,
    async query(id, name) {
      const e = executions.get(id);
      // While a task is at work, a query waits.
      if (e?.open !== true || e.sandbox === null || e.atWork !== null) return undefined;
      const completion = await e.sandbox.activate(
        proto.coresdk.workflow_activation.WorkflowActivation.fromObject({
          runId: e.runId,
          jobs: [{ queryWorkflow: { queryId: 'q', queryType: name, arguments: [], headers: {} } }],
        }),
      );
      const answer = completion.successful?.commands?.[0]?.respondToQuery;
      if (answer?.succeeded) return plain(answer.succeeded.response);
      throw new Error(
        `query ${name} of ${id} failed: ${answer?.failed?.message ?? completion.failed?.failure?.message}`,
      );
    },
    memo(id) {
      const e = executions.get(id);
      if (e === undefined) return undefined;
      return Object.fromEntries(Object.entries(e.memo).map(([key, value]) => [key, plain(value)]));
    },
    size: (id) => {
      const e = executions.get(id);
      return { events: e?.written.events.length ?? 0, bytes: e?.bytes ?? 0 };
    },
    histories: (id) => {
      const open = executions.get(id);
      const all = [...past.filter((e) => e.id === id), ...(open?.open === true ? [open] : [])];
      return all.map((e) => e.written);
    },
    crash(downFor) {
      if (worker !== null) {
        timeline.kill(worker.process);
        lostAt.set(worker.process, timeline.now());
      }
      lose(downFor);
    },
    deploy(downFor) {
      const from = worker;
      if (from === null) return;
      for (const e of executions.values())
        for (const task of e.tasks.values())
          if (task.running?.process === from.process) task.running.environment.cancel('WORKER_SHUTDOWN');
      lose(downFor);
    },
    cutOff(downFor) {
      if (worker !== null) {
        worker.process.cutOff = true;
        lostAt.set(worker.process, timeline.now());
      }
      lose(downFor);
    },
    evict() {
      for (const e of executions.values())
        if (e.atWork === null) {
          void e.sandbox?.dispose();
          e.sandbox = null;
        }
    },
    async replayAll() {
      for (const e of [...past, ...executions.values()]) {
        const replayed = await replay(e);
        await replayed?.dispose();
      }
    },
    async close() {
      if (worker !== null) timeline.kill(worker.process);
      for (const e of executions.values()) await e.sandbox?.dispose();
    },
  };
}

const signalJob = (signalName: string, argument: unknown): Job => ({
  signalWorkflow: {
    signalName,
    input: toPayloads(defaultPayloadConverter, argument) ?? [],
    identity: 'simulation',
    headers: {},
  },
});

const isCommand = (c: Command | Marker): c is Command => !('marker' in c);

/** What a task has the code told of, without what its own commands brought about. */
const toldBy = ({ activations }: Batch): readonly Job[] =>
  activations
    .flatMap((a) => a.jobs)
    .filter(({ resolveActivity: r }) => !r || (!r.isLocal && !r.result?.cancelled));

/** What is begun and called off within one task: the server hears of neither. */
function neverSent(commands: readonly Command[]): ReadonlySet<Command | Marker> {
  const ends = [...commands.entries()].flatMap(([at, end]): readonly Command[] => {
    const timer = end.cancelTimer?.seq;
    const step = end.requestCancelActivity?.seq;
    const begin = commands
      .slice(0, at)
      .find(
        (c) =>
          (timer !== undefined && c.startTimer?.seq === timer) ||
          (step !== undefined && c.scheduleActivity?.seq === step),
      );
    return begin === undefined ? [] : [begin, end];
  });
  return new Set(ends);
}

/** Ends the execution: the server refuses that while there are events that the code has not seen. */
const closes = (c: Command): boolean =>
  Boolean(
    c.completeWorkflowExecution ??
    c.failWorkflowExecution ??
    c.cancelWorkflowExecution ??
    c.continueAsNewWorkflowExecution,
  );

/** The order that Core gives: the start, then messages, then everything else. */
function ordered(jobs: readonly Job[]): readonly Job[] {
  const rank = (job: Job): number =>
    (job.initializeWorkflow ?? job.updateRandomSeed) ? 0 : (job.signalWorkflow ?? job.doUpdate) ? 1 : 2;
  return jobs
    .map((job, i) => ({ job, i }))
    .sort((a, b) => rank(a.job) - rank(b.job) || a.i - b.i)
    .map(({ job }) => job);
}

/** An execution that nothing has happened to. */
const blank = (
  written: ServerHistory,
): Omit<
  Execution,
  | 'type'
  | 'id'
  | 'runId'
  | 'originalRunId'
  | 'firstRunId'
  | 'startedAt'
  | 'seed'
  | 'memo'
  | 'searchAttributes'
> => ({
  sandbox: null,
  history: [],
  jobs: [],
  taskPlanned: false,
  atWork: null,
  keptFor: null,
  notBefore: 0,
  open: true,
  written,
  bytes: 0,
  timers: new Map(),
  tasks: new Map(),
});

/** A generator whose numbers belong to the server, so that faults that are dropped do not change them. */
export const serverRandom = (seed: number): Random => random(seed ^ 0x5eed);
