/**
 * The typed door to Holdfast: what intake, CLI, watch and tests use, and other programs as `holdfast/client`.
 * Every call has a deadline and throws nothing but {@link ClientError}, whose message says what to do.
 */
import { randomUUID } from 'node:crypto';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type UpdateDefinition,
  type WorkflowExecutionInfo,
} from '@temporalio/client';
import type { Config, JobConfig } from '../config/config.js';
import type { Alert, AlertResolved } from '../domain/alert.js';
import type { CaseEnd, CaseStatus } from '../domain/case.js';
import type { Said } from '../domain/desk.js';
import { clusterName, holdId, jobName, lookId, recoverId, repairId, watchId } from '../domain/ids.js';
import type { JobLedger } from '../domain/ledger.js';
import type { LookReport } from '../domain/look.js';
import type { RepairOutcome, RepairRequest } from '../domain/repair.js';
import { HOLD_MEMO, holdIn, longer, type StandingHold } from '../domain/standing-hold.js';
import type { OpenNotice } from '../domain/notice.js';
import type { JobWatch } from '../domain/watch.js';
import * as messages from '../workflows/messages.js';
import { caseFile, type CaseFile } from './case-file.js';
import { ClientError, explain, type Asked } from './errors.js';
import { decodeHistory } from './history.js';
import { caseLink } from '../domain/links.js';

export { CASE_FILE_FORMAT, caseFile, type CaseFile } from './case-file.js';
export { ClientError, type ClientErrorCode } from './errors.js';
export { connectTemporal, identityOf, tlsOf, type Role } from './connect.js';
export { caseLink } from '../domain/links.js';
export {
  registeredSearchAttributes,
  registerSearchAttributes,
  SEARCH_ATTRIBUTES,
} from './search-attributes.js';
export { QUEUES } from '../workflows/messages.js';

/** One execution that a case runs in. */
export interface CaseRef {
  readonly workflowId: string;
  readonly runId: string;
  readonly job: string;
  readonly cluster: string;
  /** Its page in the Temporal UI; null when none is configured. */
  readonly link: string | null;
}

/** What Temporal itself knows of a case, without a worker. */
export interface CaseSummary extends CaseRef {
  readonly state: 'open' | 'ended' | 'failed' | 'cancelled' | 'terminated';
  /** Last published phase; null when none was. */
  readonly phase: string | null;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  /** Epoch milliseconds; null while it is open. */
  readonly closedAt: number | null;
  /** Number of events in its history. */
  readonly events: number;
}

/** A case with everything that can be learned of it now. */
export interface CaseView {
  readonly summary: CaseSummary;
  /** What the workflow answers; null when no worker answers. */
  readonly status: CaseStatus | null;
  /** Why there is no status. */
  readonly withoutStatus: string | null;
  /** How it ended; null while it is open. */
  readonly end: CaseEnd | null;
  /** With what it failed; null when it did not. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** {@link Said}, and the id that makes repeating it the same request. Default: a new one. */
export interface Saying extends Said {
  readonly requestId?: string;
}

/** What the watch over a cluster has reported. */
export interface WatchView {
  /** Epoch milliseconds; null: Flink has not answered yet. It reports changes at once, and every ten minutes. */
  readonly lastLook: number | null;
  readonly notices: readonly (OpenNotice & { readonly job: string })[];
}

export interface HoldfastClient {
  /** Opens the one case of the alert's job, or tells the open one. Needs no worker: the alert is kept by Temporal. */
  raiseAlert(alert: Alert): Promise<CaseRef>;
  /** Tells the open case, if there is one: resolved is information, a case ends by proofs. */
  resolveAlert(job: string, resolved: AlertResolved): Promise<'told' | 'no open case'>;
  /**
   * A person asks for a recovery: opens the one case of a job, or joins the open one. With `from` the recovery starts
   * from that restore point, or the open case is told to. With `fromNothing` it starts without any restore point, at a
   * point in Kafka; what would be given up is asked about.
   */
  recover(
    job: string,
    request: Saying & { readonly from?: string; readonly fromNothing?: { readonly kafkaFrom: string } },
  ): Promise<CaseRef>;
  /** What the newest case of a job says of itself. Needs a worker. */
  status(job: string): Promise<CaseStatus>;
  approve(job: string, saying: Saying & { readonly question: string }): Promise<string>;
  reject(job: string, saying: Saying & { readonly question: string }): Promise<string>;
  chooseRestorePoint(
    job: string,
    saying: Saying & { readonly path: string; readonly question?: string },
  ): Promise<string>;
  abort(job: string, saying: Saying): Promise<string>;
  hold(job: string, saying: Saying): Promise<string>;
  release(job: string, saying: Saying): Promise<string>;
  resume(job: string, saying: Saying): Promise<string>;
  retryNow(job: string, saying: Saying): Promise<string>;
  closeCase(job: string, saying: Saying): Promise<string>;
  /**
   * Holds a job, or all jobs of a cluster, for a time (milliseconds), whether or not a case is open: alerts open cases,
   * and the cases wait. Needs no worker. A hold that stands already is replaced. Cases that are open are told.
   */
  placeHold(
    jobOrCluster: string,
    saying: Saying & { readonly forMs: number },
  ): Promise<{ readonly hold: StandingHold; readonly told: readonly string[] }>;
  /** Ends a standing hold; the cases that it holds go on. */
  endHold(jobOrCluster: string, saying: Saying): Promise<'ended' | 'no standing hold'>;
  /** The hold that stands on a job or on its cluster. Needs no worker. */
  standingHold(cluster: string, job: string): Promise<StandingHold | null>;
  /** One case by its job's name or by its workflow id, the newest execution or the given one. */
  caseOf(jobOrId: string, runId?: string): Promise<CaseView>;
  /**
   * The whole case that an execution belongs to, explained: everything that was asked, found, decided and said, in order.
   * Default: the newest execution. Needs no worker.
   */
  caseFile(jobOrId: string, runId?: string): Promise<CaseFile>;
  /**
   * "If it failed now, what would we restore?" Reads everything that a recovery would read and touches nothing. A look
   * at the same job that is under way is joined. Needs a worker; waits for `lookDeadline`.
   */
  look(job: string): Promise<LookReport>;
  /** Cases within Temporal's retention, newest first. */
  cases(filter?: { readonly job?: string; readonly limit?: number }): Promise<readonly CaseSummary[]>;
  /** What the watch remembers of a cluster's jobs, by job; null when the cluster was never watched. Needs no worker. */
  ledger(cluster: string): Promise<Readonly<Record<string, JobLedger>> | null>;
  /** Notices that last, and when the watch last reported; null when the cluster was never watched. Needs no worker. */
  watchOf(cluster: string): Promise<WatchView | null>;
  /** Starts the watch over a cluster; a running one goes on. */
  startWatch(cluster: string): Promise<{ readonly workflowId: string; readonly runId: string }>;
  /**
   * Has one approved repair done by the repair workflow of the cluster, which does one at a time, and returns what was
   * done. Nobody but a case calls this: people approve there. The same `requestId` is the same request.
   */
  repairDeadEnd(cluster: string, request: RepairRequest, requestId: string): Promise<RepairOutcome>;
  /** Closes the connection. */
  close(): Promise<void>;
}

export interface HoldfastClientOptions {
  readonly client: Client;
  readonly config: Pick<Config, 'temporal' | 'jobs' | 'clusters'>;
  /** Milliseconds for a call that the server answers. Default: 5000. */
  readonly serverDeadline?: number;
  /** Milliseconds for a call that a worker answers. Default: 10000. */
  readonly workerDeadline?: number;
  /** Milliseconds for a look, which reads whole checkpoints. Default: 15 minutes. */
  readonly lookDeadline?: number;
}

type ExecutionInfo = Omit<WorkflowExecutionInfo, 'raw'>;

/** Memo keys of `watch/<cluster>`: one ledger per job. */
const LEDGER_PREFIX = messages.ledgerKey('');

/** Milliseconds for a repair: it may have to wait for its turn, and a JobManager that is started needs a minute or two. */
const REPAIR_DEADLINE = 240_000;

/** Milliseconds for a whole history: a long one comes in many pages. */
const HISTORY_DEADLINE = 30_000;
/** Executions of one case that are read: each holds thousands of events. */
const MOST_EXECUTIONS = 50;
/** Milliseconds after which a hold that no worker has ended is ended by the server. */
const HOLD_LINGERS = 10 * 60_000;

const MAY_NOT_HEAR = new Set<ClientError['code']>(['NoCase', 'CaseEnded', 'Refused', 'InDoubt', 'NoWorker']);

/** Fields of the UI have a limit of 400 bytes for a summary. */
const SUMMARY_BYTES = 380;

export function holdfastClient({
  client,
  config,
  serverDeadline = 5_000,
  workerDeadline = 10_000,
  lookDeadline = 15 * 60_000,
}: HoldfastClientOptions): HoldfastClient {
  const { address, namespace } = config.temporal;

  const call = async <T>(
    asked: Pick<Asked, 'what' | 'needsWorker' | 'writes'>,
    fn: () => Promise<T>,
    within = asked.needsWorker ? workerDeadline : serverDeadline,
  ): Promise<T> => {
    const deadline = Date.now() + within;
    try {
      return await client.withDeadline(deadline, fn);
    } catch (error) {
      throw explain(error, { ...asked, address, namespace });
    }
  };

  const jobOf = (job: string): { readonly name: string; readonly id: string; readonly job: JobConfig } => {
    const known = Object.entries(config.jobs).find(([name]) => name === job)?.[1];
    if (known === undefined) {
      const names = Object.keys(config.jobs).join(', ') || 'none';
      throw new ClientError('UnknownJob', `no job '${job}' in the configuration; there are: ${names}`);
    }
    return { name: job, id: recoverId(known.cluster, jobName(job)), job: known };
  };

  const refOf = (workflowId: string, runId: string): CaseRef => {
    const [, cluster = '', job = ''] = workflowId.split('/');
    return { workflowId, runId, job, cluster, link: caseLink(config.temporal, workflowId, runId) };
  };

  const startOptions = (
    job: string,
    summary: string,
    details: string,
    input: Partial<messages.RecoverInput> = {},
  ) => {
    const { id, job: known } = jobOf(job);
    return {
      workflowId: id,
      taskQueue: messages.QUEUES.steps,
      args: [{ job, cluster: known.cluster, ...input } satisfies messages.RecoverInput],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
      staticSummary: cut(summary, SUMMARY_BYTES),
      staticDetails: details,
    };
  };

  const raiseAlert = async (alert: Alert): Promise<CaseRef> => {
    const { id } = jobOf(alert.job);
    return call(
      { what: `raise an alert for job ${alert.job}`, needsWorker: false, writes: true },
      async () => {
        const handle = await client.workflow.signalWithStart('recoverJob', {
          ...startOptions(
            alert.job,
            `${alert.job} on ${alert.cluster}: ${alert.summary}`,
            alertDetails(alert),
          ),
          signal: messages.alertRaised,
          signalArgs: [alert] as [Alert],
        });
        return refOf(id, handle.signaledRunId);
      },
    );
  };

  /** Asks the server before a worker is asked: then "no worker answers" means just that, and an ended case is known. */
  const find = async (workflowId: string, what: string, runId?: string): Promise<ExecutionInfo> =>
    call({ what, needsWorker: false, writes: false }, () =>
      client.workflow.getHandle(workflowId, runId).describe(),
    );

  const say = async <Args extends [object]>(
    job: string,
    update: UpdateDefinition<string, Args>,
    { requestId, ...args }: Saying & Record<string, unknown>,
  ): Promise<string> => {
    const { id } = jobOf(job);
    const what = `say '${update.name}' to the case of job ${job}`;
    const found = await find(id, what);
    if (stateOf(found) !== 'open') throw new ClientError('CaseEnded', `could not ${what}: the case is over`);
    return call({ what, needsWorker: true, writes: true }, () =>
      client.workflow.getHandle(id).executeUpdate(update, {
        args: [args] as unknown as Args,
        updateId: requestId ?? randomUUID(),
      }),
    );
  };

  const ask = (workflowId: string, what: string, runId?: string): Promise<CaseStatus> =>
    call({ what, needsWorker: true, writes: false }, () =>
      client.workflow.getHandle(workflowId, runId).query(messages.status),
    );

  const watchMemo = async (cluster: string, what: string): Promise<Record<string, unknown> | null> => {
    const id = watchId(clusterOf(config, cluster));
    try {
      return (await find(id, what)).memo ?? {};
    } catch (error) {
      if (error instanceof ClientError && error.code === 'NoCase') return null;
      throw error;
    }
  };

  const summaryOf = (info: ExecutionInfo): CaseSummary => ({
    ...refOf(info.workflowId, info.runId),
    state: stateOf(info),
    phase: phaseOf(info),
    openedAt: info.startTime.getTime(),
    closedAt: info.closeTime?.getTime() ?? null,
    events: info.historyLength,
  });

  return {
    raiseAlert,
    resolveAlert: async (job, resolved) => {
      const { id } = jobOf(job);
      try {
        await call(
          { what: `tell the case of job ${job} that its alert is over`, needsWorker: false, writes: true },
          () => client.workflow.getHandle(id).signal(messages.alertResolved, resolved),
        );
        return 'told';
      } catch (error) {
        if (error instanceof ClientError && (error.code === 'NoCase' || error.code === 'CaseEnded')) {
          return 'no open case';
        }
        throw error;
      }
    },
    recover: async (job, { by, reason, from, fromNothing, requestId }) => {
      const { id, job: known } = jobOf(job);
      const fingerprint = `cli/${requestId ?? randomUUID()}`;
      if (from === undefined && fromNothing === undefined) {
        return raiseAlert({
          fingerprint,
          source: 'cli',
          job,
          cluster: known.cluster,
          run: null,
          summary: `${by} asks for a recovery: ${reason}`,
          startedAt: Date.now(),
          labels: {},
          link: null,
        });
      }
      try {
        return await call(
          { what: `open a case for job ${job}`, needsWorker: false, writes: true },
          async () => {
            const handle = await client.workflow.start('recoverJob', {
              ...startOptions(
                job,
                `${job} on ${known.cluster}: ${by} ${from === undefined ? 'starts it from nothing' : `restores ${from}`}`,
                `Reason: ${reason}`,
                from === undefined
                  ? { fromNothing: { by, reason, kafkaFrom: fromNothing?.kafkaFrom ?? '' } }
                  : { from: { path: from, by, reason } },
              ),
              workflowIdConflictPolicy: 'FAIL',
            });
            return refOf(id, handle.firstExecutionRunId);
          },
        );
      } catch (error) {
        if (!(error instanceof ClientError) || !(error.cause instanceof WorkflowExecutionAlreadyStartedError))
          throw error;
      }
      const saying = { by, reason, ...(requestId === undefined ? {} : { requestId }) };
      if (from === undefined)
        await say(job, messages.startFromNothing, { ...saying, kafkaFrom: fromNothing?.kafkaFrom ?? '' });
      else await say(job, messages.chooseRestorePoint, { ...saying, path: from });
      const open = await find(id, `find the case of job ${job}`);
      return refOf(id, open.runId);
    },
    status: async (job) => {
      const { id } = jobOf(job);
      const what = `ask for the status of job ${job}`;
      await find(id, what);
      return ask(id, what);
    },
    approve: (job, saying) => say(job, messages.approve, { ...saying }),
    reject: (job, saying) => say(job, messages.reject, { ...saying }),
    chooseRestorePoint: (job, saying) => say(job, messages.chooseRestorePoint, { ...saying }),
    abort: (job, saying) => say(job, messages.abort, { ...saying }),
    hold: (job, saying) => say(job, messages.hold, { ...saying }),
    release: (job, saying) => say(job, messages.release, { ...saying }),
    resume: (job, saying) => say(job, messages.resume, { ...saying }),
    retryNow: (job, saying) => say(job, messages.retryNow, { ...saying }),
    closeCase: (job, saying) => say(job, messages.close, { ...saying }),
    caseOf: async (jobOrId, runId) => {
      const id = jobOrId.includes('/') ? jobOrId : jobOf(jobOrId).id;
      const info = await find(id, `find the case ${id}`, runId);
      const summary = summaryOf(info);
      const [status, ending] = await Promise.all([
        ask(id, `ask for the status of ${id}`, info.runId).then(
          (value) => ({ value, why: null }),
          (error: unknown) => ({ value: null, why: error instanceof Error ? error.message : String(error) }),
        ),
        summary.state === 'open' ? { end: null, failure: null } : ended(id, info.runId),
      ]);
      return { summary, status: status.value, withoutStatus: status.why, ...ending };
    },
    caseFile: async (jobOrId, runId) => {
      const id = jobOrId.includes('/') ? jobOrId : jobOf(jobOrId).id;
      const info = await find(id, `find the case ${id}`, runId);
      return caseFile(await executionsOf(id, info.runId));
    },
    placeHold: async (target, { by, reason, forMs }) => {
      const { cluster, job } = holdTarget(target);
      const since = Date.now();
      const hold: StandingHold = { by, reason, cluster, job, since, until: since + forMs };
      const what = `hold ${target}`;
      await call({ what, needsWorker: false, writes: true }, () =>
        client.workflow.start('standingHold', {
          workflowId: holdId(cluster, job),
          taskQueue: messages.QUEUES.steps,
          args: [
            {
              by,
              reason,
              cluster,
              since,
              until: hold.until,
              ...(job === null ? {} : { job }),
            } satisfies messages.HoldInput,
          ],
          memo: { [HOLD_MEMO]: hold },
          workflowIdConflictPolicy: 'TERMINATE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          // Also without a worker it does not stay for ever.
          workflowExecutionTimeout: forMs + HOLD_LINGERS,
          staticSummary: cut(`${target}: held by ${by}: ${reason}`, SUMMARY_BYTES),
        }),
      );
      const jobs = job === null ? jobsOf(cluster) : [job];
      const told = await Promise.all(
        jobs.map(async (each) => {
          try {
            await say(each, messages.hold, { by, reason, until: hold.until, standing: true });
            return [each];
          } catch (error) {
            // No open case, or one that is held already. A case that does not answer finds the hold with its next look.
            if (error instanceof ClientError && MAY_NOT_HEAR.has(error.code)) return [];
            throw error;
          }
        }),
      );
      return { hold, told: told.flat() };
    },
    endHold: async (target, { by, reason }) => {
      const { cluster, job } = holdTarget(target);
      try {
        await call({ what: `release ${target}`, needsWorker: false, writes: true }, () =>
          client.workflow.getHandle(holdId(cluster, job)).signal(messages.releaseHold, { by, reason }),
        );
        return 'ended';
      } catch (error) {
        if (error instanceof ClientError && (error.code === 'NoCase' || error.code === 'CaseEnded'))
          return 'no standing hold';
        throw error;
      }
    },
    standingHold: async (cluster, job) => {
      const named = clusterOf(config, cluster);
      const [ofJob, ofCluster] = await Promise.all([
        readHold(holdId(named, jobName(job))),
        readHold(holdId(named, null)),
      ]);
      return longer(ofJob, ofCluster);
    },
    look: async (job) => {
      const { job: known } = jobOf(job);
      const what = `look at job ${job}`;
      const handle = await call({ what, needsWorker: false, writes: false }, () =>
        client.workflow.start('recoverJob', {
          workflowId: lookId(known.cluster, jobName(job)),
          taskQueue: messages.QUEUES.steps,
          args: [{ job, cluster: known.cluster, mode: 'look' } satisfies messages.RecoverInput],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: `${job} on ${known.cluster}: what would be restored now?`,
        }),
      );
      // Without a worker the answer would be waited for in vain.
      await call({ what, needsWorker: true, writes: false }, () => handle.query(messages.progress));
      const result = () => handle.result() as Promise<LookReport>;
      return call({ what, needsWorker: true, writes: false }, result, lookDeadline);
    },
    cases: async ({ job, limit = 50 } = {}) => {
      const query =
        job === undefined
          ? "WorkflowType = 'recoverJob' AND WorkflowId STARTS_WITH 'recover/'"
          : `WorkflowType = 'recoverJob' AND WorkflowId = '${jobOf(job).id}'`;
      return call({ what: 'list the cases', needsWorker: false, writes: false }, async () => {
        const found: CaseSummary[] = [];
        for await (const info of client.workflow.list({ query, pageSize: Math.min(limit, 200) })) {
          found.push(summaryOf(info));
          if (found.length >= limit) break;
        }
        return found.toSorted((a, b) => b.openedAt - a.openedAt);
      });
    },
    ledger: async (cluster) => {
      const memo = await watchMemo(cluster, `read the ledger of cluster ${cluster}`);
      if (memo === null) return null;
      return Object.fromEntries(
        Object.entries(memo)
          .filter((entry): entry is [string, JobLedger] => entry[0].startsWith(LEDGER_PREFIX))
          .map(([key, ledger]) => [key.slice(LEDGER_PREFIX.length), ledger]),
      );
    },
    watchOf: async (cluster) => {
      const memo = await watchMemo(cluster, `read what the watch over cluster ${cluster} has found`);
      if (memo === null) return null;
      const lastLook = memo[messages.LAST_LOOK];
      const noted = (memo[messages.NOTED] ?? {}) as Readonly<Record<string, JobWatch>>;
      return {
        lastLook: typeof lastLook === 'number' ? lastLook : null,
        notices: Object.entries(noted).flatMap(([job, { notices }]) =>
          notices.open.map((notice) => ({ job, ...notice })),
        ),
      };
    },
    startWatch: async (cluster) => {
      const workflowId = watchId(clusterOf(config, cluster));
      return call(
        { what: `start the watch over cluster ${cluster}`, needsWorker: false, writes: true },
        async () => {
          const handle = await client.workflow.start('watchCluster', {
            workflowId,
            taskQueue: messages.QUEUES.steps,
            args: [{ cluster } satisfies messages.WatchInput],
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            staticSummary: `Watches the jobs of cluster ${cluster} and keeps their ledger`,
          });
          return { workflowId, runId: handle.firstExecutionRunId };
        },
      );
    },
    repairDeadEnd: async (cluster, request, requestId) =>
      call(
        { what: `repair the cluster ${cluster} for job ${request.job}`, needsWorker: true, writes: true },
        () =>
          client.workflow.executeUpdateWithStart(messages.repairDeadEnd, {
            args: [request],
            updateId: requestId,
            startWorkflowOperation: new WithStartWorkflowOperation('repairCluster', {
              workflowId: repairId(clusterOf(config, cluster)),
              taskQueue: messages.QUEUES.steps,
              args: [{ cluster } satisfies messages.RepairClusterInput],
              workflowIdConflictPolicy: 'USE_EXISTING',
              workflowIdReusePolicy: 'ALLOW_DUPLICATE',
              staticSummary: `Repairs of cluster ${cluster}, one at a time`,
            }),
          }),
        REPAIR_DEADLINE,
      ),
    close: () => client.connection.close(),
  };

  /** The histories of one case, oldest first: a long one continues as a new execution. What retention took is left out. */
  async function executionsOf(id: string, runId: string): Promise<readonly unknown[]> {
    const historyOf = (run: string) =>
      call(
        { what: `read the history of ${id}`, needsWorker: false, writes: false },
        () => client.workflow.getHandle(id, run).fetchHistory(),
        HISTORY_DEADLINE,
      );
    const histories: unknown[] = [await historyOf(runId)];
    const neighbour = async (of: unknown, which: 'before' | 'after'): Promise<unknown> => {
      const events = decodeHistory(of);
      const [first, last] = [events[0], events.at(-1)];
      const before = first?.is === 'started' ? first.continues : null;
      const after = last?.is === 'ended' ? last.continuedBy : null;
      const next = which === 'before' ? before : after;
      if (next === null || histories.length >= MOST_EXECUTIONS) return null;
      return historyOf(next).catch((error: unknown) => {
        if (error instanceof ClientError && (error.code === 'NoCase' || error.code === 'CaseEnded'))
          return null;
        throw error;
      });
    };
    for (let h = await neighbour(histories[0], 'before'); h !== null; h = await neighbour(h, 'before'))
      histories.unshift(h);
    for (let h = await neighbour(histories.at(-1), 'after'); h !== null; h = await neighbour(h, 'after'))
      histories.push(h);
    return histories;
  }

  function jobsOf(cluster: string): readonly string[] {
    return Object.entries(config.jobs).flatMap(([name, job]) => (job.cluster === cluster ? [name] : []));
  }

  /** A job's name, or else a cluster's. */
  function holdTarget(target: string) {
    const job = Object.entries(config.jobs).find(([name]) => name === target)?.[1];
    if (job !== undefined) return { cluster: job.cluster, job: jobName(target) };
    if (Object.keys(config.clusters).includes(target)) return { cluster: clusterName(target), job: null };
    const names = [...Object.keys(config.jobs), ...Object.keys(config.clusters)].join(', ') || 'none';
    throw new ClientError(
      'UnknownJob',
      `no job or cluster '${target}' in the configuration; there are: ${names}`,
    );
  }

  async function readHold(id: string): Promise<StandingHold | null> {
    try {
      const info = await call({ what: `look for ${id}`, needsWorker: false, writes: false }, () =>
        client.workflow.getHandle(id).describe(),
      );
      return stateOf(info) === 'open' ? holdIn(info.memo, Date.now()) : null;
    } catch (error) {
      if (error instanceof ClientError && error.code === 'NoCase') return null;
      throw error;
    }
  }

  async function ended(id: string, runId: string): Promise<Pick<CaseView, 'end' | 'failure'>> {
    try {
      const end = await call({ what: `read the end of ${id}`, needsWorker: false, writes: false }, () =>
        client.workflow.getHandle<() => Promise<CaseEnd>>(id, runId).result(),
      );
      return { end, failure: null };
    } catch (error) {
      const failed = error instanceof ClientError ? error.cause : error;
      if (failed instanceof WorkflowFailedError) return { end: null, failure: faultBehind(failed.cause) };
      if (failed instanceof WorkflowNotFoundError) return { end: null, failure: null };
      throw error;
    }
  }
}

function clusterOf(config: Pick<Config, 'clusters'>, cluster: string): ReturnType<typeof clusterName> {
  if (Object.keys(config.clusters).includes(cluster)) return clusterName(cluster);
  const names = Object.keys(config.clusters).join(', ') || 'none';
  throw new ClientError(
    'UnknownCluster',
    `no cluster '${cluster}' in the configuration; there are: ${names}`,
  );
}

function stateOf(info: ExecutionInfo): CaseSummary['state'] {
  switch (info.status.name) {
    case 'RUNNING':
    case 'PAUSED':
    case 'CONTINUED_AS_NEW':
      return 'open';
    case 'FAILED':
    case 'TIMED_OUT':
      return 'failed';
    case 'CANCELLED':
      return 'cancelled';
    case 'TERMINATED':
      return 'terminated';
    default:
      return 'ended';
  }
}

/** Published as a search attribute where it is registered; and what needs a person, and the outcome, as a memo. */
function phaseOf(info: ExecutionInfo): string | null {
  for (const { key, value } of info.typedSearchAttributes.getAll()) {
    if (key.name === 'HoldfastPhase' && typeof value === 'string') return value;
  }
  const memo = info.memo?.['phase'];
  return typeof memo === 'string' ? memo : null;
}

function faultBehind(cause: Error | undefined): NonNullable<CaseView['failure']> {
  const type = (cause as { type?: unknown } | undefined)?.type;
  return {
    code: typeof type === 'string' ? type : 'Unclassified',
    message: cause?.message ?? 'the case failed without saying why',
  };
}

/** Markdown for the page of the case. */
function alertDetails(alert: Alert): string {
  const link = alert.link === null ? '' : `\n\n[Where the alert came from](${alert.link})`;
  return `First alert, from ${alert.source}: ${alert.summary}${link}`;
}

/** At most so many bytes of UTF-8, cut between characters. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let short = '';
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes - 3) break;
    short += character;
  }
  return `${short}…`;
}
